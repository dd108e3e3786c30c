// Cuts what a connection receives into heads and bodies. Beast reads both; stricter than it where
// two readers could disagree on where a request ends.
//
//   bytes ─► head() until it is there ─► body() until complete() ─► the next request
//
// Refused, and the connection with it: lines that end in a bare LF, folded headers, several
// Content-Length, any Transfer-Encoding but chunked (or beside Content-Length), a head or a chunk
// header over the limit, chunk sizes over 64 bits, HTTP/1.1 without exactly one Host.
// Thread: the loop's. Beast stays behind this header.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "log/base/error.h"
#include "server/http/request.h"

namespace stele::http {

inline constexpr std::size_t kHeadBytesMax = 8192;

class RequestParser {
public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Looks for a head at the front of `bytes`. Bytes it takes; 0: more are needed, call again with
  /// the same bytes and more. kTooLarge: over kHeadBytesMax (431); kUnsupported: a transfer coding
  /// that is not served (501); kOutOfRange: a version of HTTP (505); kInvalid (400).
  Result<std::size_t> head(std::string_view bytes, Request& into);
  /// The next piece of the body; `piece` is what it says, its framing taken off. Bytes it takes; 0:
  /// more are needed. kInvalid.
  Result<std::size_t> body(std::string_view bytes, std::string_view& piece);
  /// The request has been received whole.
  [[nodiscard]] bool complete() const;
  /// Ready for the next request.
  void reset();

private:
  struct Impl;
  Result<std::size_t> find_end(std::string_view bytes);
  std::unique_ptr<Impl> impl_;
  std::size_t scanned_bytes_ = 0;  ///< of a head that is not there yet
};

}  // namespace stele::http
