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
/// Begins a chunk that is written behind `out`; where it begins.
[[nodiscard]] std::size_t begin_chunk(std::string& out);
/// Says how long the chunk has become; an empty one is taken back.
void end_chunk(std::size_t begin, std::string& out);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

[[nodiscard]] std::string_view reason(unsigned status);

}  // namespace stele::http
