// Answers as bytes: status line, headers, chunk framing.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/exchange.h"

namespace stele::http {

/// "Sat, 21 Nov 2026 12:00:00 GMT", made anew once a second.
class DateText {
public:
  [[nodiscard]] std::string_view at(std::int64_t wall_us);

private:
  std::int64_t second_ = -1;
  std::string text_;
};

/// How the end of a body is told.
enum class Framing : std::uint8_t { kLength, kChunks, kClose };

/// The head of the answer and, with kLength, its body.
void write_response(Exchange& exchange, Framing framing, std::string_view date, std::string& out);
/// `piece` as one chunk; nothing if it is empty.
void write_chunk(std::string_view piece, std::string& out);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

[[nodiscard]] std::string_view reason(unsigned status);

}  // namespace stele::http
