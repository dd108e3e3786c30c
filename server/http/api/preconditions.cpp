#include "server/http/api/preconditions.h"

#include "log/base/fail.h"
#include "server/http/api/call.h"

namespace stele::http {

namespace {

/// "17", or 17 without the quotes, which a shell tends to eat.
Result<Version> version_of(std::string_view tag) {
  if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"')) {
    tag = tag.substr(1, tag.size() - 2);
  }
  STELE_TRY(const std::int64_t version, parse_whole(tag, "If-Match"));
  return Version(version);
}

}  // namespace

Result<log::ExpectedVersion> expected_version(const Request& request) {
  const Header* match = nullptr;
  const Header* none_match = nullptr;
  for (const Header& header : request.headers) {
    const bool is_match = equals_ignoring_case(header.name, "if-match");
    const bool is_none_match = equals_ignoring_case(header.name, "if-none-match");
    if (!is_match && !is_none_match) continue;
    const Header*& seen = is_match ? match : none_match;
    if (seen != nullptr) return fail(Code::kInvalid, "{} is given twice", header.name);
    seen = &header;
  }
  if (match != nullptr && none_match != nullptr) {
    return fail(Code::kInvalid, "If-Match and If-None-Match contradict each other");
  }
  if (none_match != nullptr) {
    if (none_match->value == "*") return log::ExpectedVersion::no_stream();
    return fail(Code::kInvalid, "If-None-Match can only be * (the stream must not exist)");
  }
  if (match == nullptr) return log::ExpectedVersion::any();
  if (match->value == "*") return log::ExpectedVersion::exists();
  STELE_TRY(const Version version, version_of(match->value));
  return log::ExpectedVersion::exact(version);
}

bool has_version(const Request& request, Version version) {
  std::string_view tag = request.header("if-none-match");
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  const auto known = version_of(tag);
  return known && *known == version;
}

}  // namespace stele::http
