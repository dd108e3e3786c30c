#include "server/cloudevents/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>

#include "log/events/utf8.h"
#include "server/cloudevents/json_words.h"

namespace stele::cloudevents {
namespace {

constexpr std::size_t kKeysComparedOneByOne = 24;
constexpr std::size_t kPointerKeyBytesMax = 64;

void append_code_point(std::string& to, std::uint32_t code) {
  const auto tail = [&](unsigned shift) {
    to.push_back(static_cast<char>(0x80 | (code >> shift & 0x3F)));
  };
  if (code < 0x80) {
    to.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    to.push_back(static_cast<char>(0xC0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    to.push_back(static_cast<char>(0xE0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    to.push_back(static_cast<char>(0xF0 | code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// True if a well-formed number is too large for a double. from_chars says "out of range" of too
/// small ones as well: the first digit that counts and the exponent tell which.
bool is_infinite(std::string_view number) {
  double value = 0;
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (fault != std::errc::result_out_of_range) return false;
  const std::size_t exponent_at = number.find_first_of("eE");
  const std::string_view digits = number.substr(0, exponent_at);
  std::int64_t exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view text = number.substr(exponent_at + 1);
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (read.ec == std::errc::result_out_of_range) return !negative;
    if (negative) exponent = -exponent;
  }
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_of("123456789");
  return exponent + static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) > 0;
}

}  // namespace

void JsonReader::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool JsonReader::take(char c) {
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

void JsonReader::expect(char c, const char* what) {
  if (!take(c)) fail(what);
}

JsonKind JsonReader::kind() {
  skip_blanks();
  if (at_ == end_) return JsonKind::kNone;
  switch (*at_) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return JsonKind::kNull;
    default:
      return is_digit(*at_) || *at_ == '-' ? JsonKind::kNumber : JsonKind::kNone;
  }
}

void JsonReader::enter(char bracket, bool is_object, const char* what) {
  skip_blanks();
  expect(bracket, what);
  if (failed()) return;
  if (depth_ == kJsonDepthMax) return fail(fmt::format("over {} levels deep", kJsonDepthMax));
  levels_[depth_++] = {nullptr, 0, -1, keys_.size(), is_object};
}

void JsonReader::enter_object() {
  enter('{', true, "not an object");
}
void JsonReader::enter_array() {
  enter('[', false, "not an array");
}

void JsonReader::leave() {
  const Level& level = levels_[depth_ - 1];
  if (level.is_object) {
    check_duplicates(level);
    keys_.resize(level.first_key);
  }
  if (!failed()) --depth_;
}

/// True if another member or element begins here.
bool JsonReader::begin_next(char closing) {
  if (failed()) return false;
  skip_blanks();
  if (take(closing)) {
    leave();
    return false;
  }
  Level& level = levels_[depth_ - 1];
  if (level.index >= 0) {
    expect(',', level.is_object ? "no comma or closing brace behind the member"
                                : "no comma or closing bracket behind the element");
    skip_blanks();
  }
  if (failed()) return false;
  ++level.index;
  level.set_key({});
  return true;
}

bool JsonReader::next_element() {
  return begin_next(']');
}

bool JsonReader::next_member() {
  if (!begin_next('}')) return false;
  if (at_ == end_ || *at_ != '"') {
    fail("no member's name");
    return false;
  }
  take_key();
  skip_blanks();
  if (!failed()) expect(':', "no colon behind the member's name");
  return !failed();
}

void JsonReader::take_key() {
  std::string decoded;
  std::string_view key = take_string(decoded);
  if (failed()) return;
  if (!decoded.empty()) key = decoded_keys_.emplace_front(std::move(decoded));
  Level& level = levels_[depth_ - 1];
  level.set_key(key);
  const auto earlier = std::span(keys_).subspan(level.first_key);
  if (earlier.size() < kKeysComparedOneByOne && std::ranges::find(earlier, key) != earlier.end())
    return fail("a member of this name was there before");
  keys_.push_back(key);
}

/// Of objects with many members, whose names were not compared as they came.
void JsonReader::check_duplicates(const Level& level) {
  const auto keys = std::span(keys_).subspan(level.first_key);
  if (keys.size() <= kKeysComparedOneByOne) return;
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return;
  levels_[depth_ - 1].set_key(*twice);
  fail("a member of this name was there before");
}

std::string_view JsonReader::string() {
  skip_blanks();
  if (at_ == end_ || *at_ != '"') {
    fail("not a string");
    return {};
  }
  decoded_.clear();
  return take_string(decoded_);
}

/// Moves on to the next quote, backslash or control character. False: there is none.
bool JsonReader::scan_plain() {
  std::uint64_t high_bits = 0;
  while (static_cast<std::size_t>(end_ - at_) >= kWordBytes) {
    const std::uint64_t word = load_word(at_);
    const std::uint64_t stops = string_stops(word);
    if (stops != 0) {
      const auto before = static_cast<unsigned>(std::countr_zero(stops)) / 8;
      high_bits |= word & ((std::uint64_t{1} << (before * 8)) - 1);
      not_ascii_ |= (high_bits & kWordHighBits) != 0;
      at_ += before;
      return true;
    }
    high_bits |= word;
    at_ += kWordBytes;
  }
  for (; at_ != end_; ++at_) {
    const auto byte = static_cast<std::uint8_t>(*at_);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    high_bits |= byte;
  }
  not_ascii_ |= (high_bits & kWordHighBits) != 0;
  return at_ != end_;
}

/// The string that begins here: a view of the text, or of `decoded`, if it has escapes. The empty
/// string is always of the text.
std::string_view JsonReader::take_string(std::string& decoded) {
  const char* from = ++at_;
  not_ascii_ = false;
  const bool stopped = scan_plain();
  std::string_view result(from, static_cast<std::size_t>(at_ - from));
  if (stopped && *at_ != '"') {
    while (!failed() && at_ != end_ && *at_ == '\\') {
      decoded.append(from, at_);
      take_escape(decoded);
      from = at_;
      if (!scan_plain()) break;
    }
    decoded.append(from, at_);
    result = decoded;
  }
  if (failed()) return {};
  if (at_ != end_ && *at_ != '"')
    fail("a control character in a string");
  else
    expect('"', "the text ends within a string");
  if (not_ascii_ && !failed() && !log::is_utf8(result)) fail("not UTF-8");
  return failed() ? std::string_view() : result;
}

void JsonReader::take_escape(std::string& to) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  ++at_;
  if (at_ == end_) return fail("the text ends within a string");
  const char escape = *at_++;
  if (const std::size_t known = kEscapes.find(escape); known != std::string_view::npos) {
    to.push_back(kMeanings[known]);
    return;
  }
  if (escape != 'u') return fail("an escape that JSON does not have");
  std::uint32_t code = take_hex4();
  if (failed()) return;
  if (code == 0) return fail("U+0000 in a string");
  if (code >= 0xDC00 && code <= 0xDFFF) return fail("half of a surrogate pair");
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return fail("half of a surrogate pair");
    at_ += 2;
    const std::uint32_t low = take_hex4();
    if (failed()) return;
    if (low < 0xDC00 || low > 0xDFFF) return fail("half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_code_point(to, code);
}

std::uint32_t JsonReader::take_hex4() {
  if (end_ - at_ < 4) {
    fail("the text ends within a string");
    return 0;
  }
  std::uint32_t code = 0;
  const auto [end, fault] = std::from_chars(at_, at_ + 4, code, 16);
  if (fault != std::errc() || end != at_ + 4) {
    fail("an escape that JSON does not have");
    return 0;
  }
  at_ += 4;
  return code;
}

void JsonReader::take_digits() {
  if (at_ == end_ || !is_digit(*at_)) return fail("not a number");
  while (at_ != end_ && is_digit(*at_)) ++at_;
}

std::string_view JsonReader::number() {
  // Shorter ones without an exponent cannot be too large.
  constexpr std::size_t kDigitsAlwaysFinite = 300;
  skip_blanks();
  const char* from = at_;
  (void)take('-');
  const bool zero = take('0');
  if (!zero) take_digits();
  if (!failed() && take('.')) take_digits();
  bool has_exponent = false;
  if (!failed() && (take('e') || take('E'))) {
    has_exponent = true;
    if (!take('-')) (void)take('+');
    take_digits();
  }
  if (failed()) return {};
  const std::string_view text(from, static_cast<std::size_t>(at_ - from));
  if ((has_exponent || text.size() > kDigitsAlwaysFinite) && is_infinite(text)) {
    fail("a number beyond what a double holds");
    return {};
  }
  return text;
}

void JsonReader::take_word(std::string_view word) {
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word))
    return fail("not a value");
  at_ += word.size();
}

bool JsonReader::boolean() {
  if (kind() != JsonKind::kBool) {
    fail("not true or false");
    return false;
  }
  const bool value = *at_ == 't';
  take_word(value ? "true" : "false");
  return value && !failed();
}

void JsonReader::null() {
  skip_blanks();
  take_word("null");
}

std::string_view JsonReader::skip() {
  const JsonKind what = kind();
  const char* from = at_;
  switch (what) {
    case JsonKind::kObject:
      for (enter_object(); next_member();) skip();
      break;
    case JsonKind::kArray:
      for (enter_array(); next_element();) skip();
      break;
    case JsonKind::kString:
      (void)string();
      break;
    case JsonKind::kNumber:
      (void)number();
      break;
    case JsonKind::kBool:
      (void)boolean();
      break;
    case JsonKind::kNull:
      null();
      break;
    case JsonKind::kNone:
      fail(at_ == end_ ? "the text ends where a value should be" : "not a value");
      break;
  }
  if (failed()) return {};
  return {from, static_cast<std::size_t>(at_ - from)};
}

std::string JsonReader::pointer() const {
  std::string text;
  for (std::size_t i = 0; i < depth_; ++i) {
    const Level& level = levels_[i];
    if (level.index < 0) break;
    text.push_back('/');
    if (!level.is_object) {
      text += std::to_string(level.index);
      continue;
    }
    for (const char c : level.key().substr(0, kPointerKeyBytesMax)) {
      if (c == '~')
        text += "~0";
      else if (c == '/')
        text += "~1";
      else
        text.push_back(c);
    }
  }
  return text;
}

void JsonReader::fail(std::string what, Code code) {
  if (failed()) return;
  std::string place = pointer();
  if (!place.empty()) place.push_back(' ');
  error_ = Error{code, fmt::format("{}(byte {}): {}", place, at_ - begin_, what)};
  at_ = end_;
}

bool JsonReader::finish() {
  if (failed()) return false;
  skip_blanks();
  if (at_ != end_) fail("something behind the end");
  return !failed();
}

}  // namespace stele::cloudevents
