#include "log/events/event_time.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr std::size_t kTimeTextBytesMax = 64;

/// Cursor with a sticky failure: several fields are read, and asked for once.
class TimeReader {
public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }

  /// Exactly so many digits, of a number in min…max.
  std::int64_t number(std::size_t digit_count, std::int64_t min, std::int64_t max) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < digit_count; ++i) value = value * 10 + digit();
    if (value < min || value > max) failed_ = true;
    return value;
  }

  bool skip(std::string_view one_of) {
    if (at_end() || one_of.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  void expect(std::string_view one_of) {
    if (!skip(one_of)) failed_ = true;
  }

  /// Microseconds of a fraction of at least one digit; digits beyond the sixth are dropped.
  std::int64_t fraction_us() {
    std::int64_t value = digit();
    std::int64_t unit = kUsPerSecond / 10;
    value *= unit;
    while (!failed_ && !at_end() && is_digit(text_[at_])) {
      unit /= 10;
      value += digit() * unit;
    }
    return value;
  }

  std::int64_t zone_minutes() {
    if (skip("Zz")) return 0;
    const bool east = skip("+");
    if (!east) expect("-");
    const std::int64_t hours = number(2, 0, 23);
    expect(":");
    const std::int64_t minutes = hours * 60 + number(2, 0, 59);
    return east ? minutes : -minutes;
  }

private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::int64_t digit() {
    if (at_end() || !is_digit(text_[at_])) {
      failed_ = true;
      return 0;
    }
    return text_[at_++] - '0';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

/// Writes `value` with leading zeros into the digits that end before `end`.
void write_digits(char* end, std::size_t digit_count, std::int64_t value) {
  for (std::size_t i = 0; i < digit_count; ++i, value /= 10)
    *--end = static_cast<char>('0' + value % 10);
}

/// Appends date and time of day to the second, without a zone.
void append_seconds(std::string& to, std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 19> text = {0, 0, 0, 0, '-', 0, 0, '-', 0, 0, 'T', 0, 0, ':', 0, 0, ':', 0, 0};
  write_digits(text.data() + 4, 4, static_cast<int>(date.year()));
  write_digits(text.data() + 7, 2, static_cast<unsigned>(date.month()));
  write_digits(text.data() + 10, 2, static_cast<unsigned>(date.day()));
  write_digits(text.data() + 13, 2, clock.hours().count());
  write_digits(text.data() + 16, 2, clock.minutes().count());
  write_digits(text.data() + 19, 2, clock.seconds().count());
  to.append(text.data(), text.size());
}

void append_fraction(std::string& to, std::size_t digit_count, std::int64_t value) {
  std::array<char, 8> text = {'.'};
  write_digits(text.data() + 1 + digit_count, digit_count, value);
  to.append(text.data(), 1 + digit_count);
}

}  // namespace

Result<std::int64_t> parse_time_us(std::string_view text) {
  if (text.size() > kTimeTextBytesMax)
    return fail(Code::kInvalid, "a time of {} bytes, over {}", text.size(), kTimeTextBytesMax);
  TimeReader in(text);
  const std::int64_t year = in.number(4, 0, 9999);
  in.expect("-");
  const std::int64_t month = in.number(2, 1, 12);
  in.expect("-");
  const std::int64_t day = in.number(2, 1, 31);
  in.expect("Tt ");
  const std::int64_t hours = in.number(2, 0, 23);
  in.expect(":");
  const std::int64_t minutes = in.number(2, 0, 59);
  in.expect(":");
  const std::int64_t seconds = in.number(2, 0, 60);
  const std::int64_t fraction_us = in.skip(".") ? in.fraction_us() : 0;
  const std::int64_t zone_minutes = in.zone_minutes();
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (in.failed() || !in.at_end() || !date.ok())
    return fail(Code::kInvalid, "not an RFC 3339 time like 2013-01-01T05:17:00.123Z");
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t total_seconds =
      days * 86'400 + hours * 3'600 + (minutes - zone_minutes) * 60 + seconds;
  return total_seconds * kUsPerSecond + fraction_us;
}

Result<std::int64_t> parse_time_ms(std::string_view text) {
  STELE_TRY(const std::int64_t time_us, parse_time_us(text));
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::microseconds(time_us)).count();
}

void append_time_ms(std::string& to, std::int64_t time_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time(
      std::chrono::milliseconds(std::clamp(time_ms, kTimeMsMin, kTimeMsMax)));
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  append_seconds(to, second);
  if (time != second) append_fraction(to, 3, (time - second).count());
  to.push_back('Z');
}

void append_time_us(std::string& to, std::int64_t time_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time(
      std::chrono::microseconds(std::clamp(time_us, kTimeMsMin * 1'000, kTimeMsMax * 1'000 + 999)));
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  append_seconds(to, second);
  append_fraction(to, 6, (time - second).count());
  to.push_back('Z');
}

}  // namespace stele::log
