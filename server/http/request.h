// An HTTP request as the routes see it: a head whose views stay good as long as the Request does,
// and a body that was received whole (or is taken piece by piece by a BodySink, see exchange.h).
//
// Thread: the loop's. Lifetime: reused by a connection from request to request; a handler that
// needs something of it later copies that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/target.h"

namespace stele::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kOther };

[[nodiscard]] std::string_view name(Method method);

struct Header {
  std::string_view name;
  std::string_view value;
};

struct Request {
  Method method = Method::kOther;
  std::string_view target;  ///< path and query, as they came
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  bool is_http11 = true;
  bool keep_alive = true;
  bool wants_upgrade = false;
  bool wants_continue = false;
  std::string head;  ///< what the views of the head point into
  std::string body;
  Target url;                      ///< the target, decoded; set by RequestHandler::plan()
  std::optional<unsigned> status;  ///< set by RequestHandler::plan(): refused with it

  /// The first header of that name, in whatever case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view wanted) const;
  /// Null if there is none.
  [[nodiscard]] const Header* find(std::string_view wanted) const;
  [[nodiscard]] bool has_body() const { return is_chunked || content_length.value_or(0) > 0; }
  void clear();
};

[[nodiscard]] bool equals_ignoring_case(std::string_view left, std::string_view right);
/// True if `list`, as Accept and Connection hold it, names `token` (parameters are ignored).
[[nodiscard]] bool list_names(std::string_view list, std::string_view token);
/// "application/json; charset=utf-8" -> "application/json".
[[nodiscard]] std::string_view media_type(std::string_view content_type);

}  // namespace stele::http
