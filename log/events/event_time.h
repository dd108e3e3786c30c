// Times of events as text: RFC 3339, as CloudEvents has it. Text keeps its precision and zone; what
// the log counts in is milliseconds since 1970.
//
//   "2013-01-01T05:17:00.123456789+01:00"  ─►  1'357'013'820'123 ms
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/base/error.h"

namespace stele::log {

/// The least and the greatest time that can be written: 0000-01-01 and 9999-12-31T23:59:59.999Z.
inline constexpr std::int64_t kTimeMsMin = -62'167'219'200'000;
inline constexpr std::int64_t kTimeMsMax = 253'402'300'799'999;

/// Milliseconds since 1970 (rounded down) of an RFC 3339 date-time. A leap second reads as the
/// second after it. kInvalid: it is none; the detail says what is wrong.
[[nodiscard]] Result<std::int64_t> parse_time_ms(std::string_view text);
/// The same in microseconds.
[[nodiscard]] Result<std::int64_t> parse_time_us(std::string_view text);

/// Appends "2013-01-01T04:17:00Z", with three digits of fraction if there is one. A time outside
/// what can be written (a foreign record's timestamp) is written as the nearest that can.
void append_time_ms(std::string& to, std::int64_t time_ms);
/// The same with six digits of fraction, always.
void append_time_us(std::string& to, std::int64_t time_us);

}  // namespace stele::log
