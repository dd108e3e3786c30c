#include "server/http/api/call.h"

#include <algorithm>
#include <charconv>

#include "log/base/fail.h"
#include "server/http/api/problems.h"

namespace stele::http {

Result<log::StreamName> Call::stream() const {
  const std::string* encoding = parameter("encoding");
  if (encoding == nullptr) return log::StreamName{topic(), segment(4)};
  if (*encoding != "base64url") return fail(Code::kInvalid, "encoding can only be base64url");
  STELE_TRY(std::string stream, base64url_decoded(segment(4)));
  return log::StreamName{topic(), std::move(stream)};
}

Result<void> Call::check_parameters(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : request.url.query) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(Code::kInvalid, "there is no query parameter {} here", name);
    }
  }
  return {};
}

void Call::answer(const Error& error) const {
  exchange->answer(problem(error));
}

Result<std::int64_t> parse_whole(std::string_view text, std::string_view name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_plain = !text.empty() && text.front() >= '0' && text.front() <= '9' &&
                        (text.size() == 1 || text.front() != '0');
  if (!is_plain || error != std::errc() || end != text.data() + text.size()) {
    return fail(Code::kInvalid, "{} is not a whole number from 0 to 2^63 - 1", name);
  }
  return number;
}

}  // namespace stele::http
