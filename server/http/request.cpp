#include "server/http/request.h"

#include <algorithm>

namespace stele::http {

namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char letter) { return letter == ' ' || letter == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "";
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](char one, char other) { return lower(one) == lower(other); });
}

std::string_view media_type(std::string_view content_type) {
  return trimmed(content_type.substr(0, content_type.find(';')));
}

bool list_names(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(media_type(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

const Header* Request::find(std::string_view wanted) const {
  const auto found = std::ranges::find_if(
      headers, [&](const Header& header) { return equals_ignoring_case(header.name, wanted); });
  return found == headers.end() ? nullptr : &*found;
}

std::string_view Request::header(std::string_view wanted) const {
  const Header* found = find(wanted);
  return found == nullptr ? std::string_view() : found->value;
}

void Request::clear() {
  method = Method::kOther;
  target = {};
  headers.clear();
  content_length.reset();
  is_chunked = false;
  is_http11 = keep_alive = true;
  wants_upgrade = wants_continue = false;
  head.clear();
  url.clear();
  status.reset();
  // A rare large body must not stay for as long as the connection does.
  constexpr std::size_t kKeptBytesMax = 64 << 10;
  if (body.capacity() > kKeptBytesMax) body = {};
  body.clear();
}

}  // namespace stele::http
