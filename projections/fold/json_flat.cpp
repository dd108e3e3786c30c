#include "projections/fold/json_flat.h"

#include <array>
#include <bit>
#include <cstring>

#include "projections/fold/json_store.h"

namespace stele::projections::detail {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

/// The high bit of bytes that are zero; of the lowest such byte for sure, above it perhaps others.
constexpr std::uint64_t zeros(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighs;
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_number_part(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/// Digits, and how many of them stand behind the point.
struct Decimal {
  std::int64_t digits = 0;
  int count = 0;
  int behind_point = 0;
  bool negative = false;
};

/// Every function answers false where it is not sure.
class FlatReader {
public:
  explicit FlatReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool take(const JsonType& type, void* to) {
    if (!next('{')) return false;
    std::uint64_t seen = 0;
    std::size_t likely = 0;
    if (next('}')) return is_whole(type, seen);
    do {
      if (!take_member(type, seen, likely, to)) return false;
    } while (next(','));
    return next('}') && is_whole(type, seen);
  }

private:
  void skip_blanks() {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  }
  /// Takes blanks, and the character if it is this one.
  bool next(char c) {
    skip_blanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  /// Nothing but blanks is left, and what is required was there.
  bool is_whole(const JsonType& type, std::uint64_t seen) {
    skip_blanks();
    if (at_ != end_) return false;
    for (std::size_t at = 0; at < type.member_count; ++at) {
      if ((seen >> at & 1) == 0 && type.members[at].type->kind != JsonKind::kOptional) return false;
    }
    return true;
  }

  bool take_member(const JsonType& type, std::uint64_t& seen, std::size_t& likely, void* to) {
    std::string_view key;
    if (!take_text(key) || !next(':')) return false;
    skip_blanks();
    for (std::size_t tried = 0; tried < type.member_count; ++tried) {
      if (likely >= type.member_count) likely = 0;
      const std::size_t at = likely++;
      const JsonMember& member = type.members[at];
      if (member.name != key) continue;
      seen |= std::uint64_t{1} << at;
      return take_value(*member.type, member.of(to));
    }
    return skip_value();
  }

  bool take_value(const JsonType& type, void* to) {
    if (at_ == end_) return false;
    switch (type.kind) {
      case JsonKind::kOptional:
        type.clear(to);
        return *at_ == 'n' ? take_word("null") : take_value(*type.inner, type.grow(to, {}));
      case JsonKind::kBool: {
        const bool value = *at_ == 't';
        store(to, value);
        return take_word(value ? "true" : "false");
      }
      case JsonKind::kText:
      case JsonKind::kTextView: {
        std::string_view text;
        if (!take_text(text)) return false;
        store_text(type.kind, to, text);
        return true;
      }
      case JsonKind::kF32:
      case JsonKind::kF64:
        return take_double(type.kind, to);
      case JsonKind::kList:
      case JsonKind::kMap:
      case JsonKind::kStruct:
        return false;
      default:
        return take_integer(type.kind, to);
    }
  }

  bool skip_value(int depth = 0) {
    constexpr int kDepthMax = 16;
    if (at_ == end_ || depth == kDepthMax) return false;
    std::string_view text;
    switch (*at_) {
      case '"':
        return take_text(text);
      case 't':
        return take_word("true");
      case 'f':
        return take_word("false");
      case 'n':
        return take_word("null");
      case '[':
      case '{':
        return skip_nested(depth + 1);
      default: {
        const char* begin = at_;
        while (at_ != end_ && is_number_part(*at_)) ++at_;
        return at_ != begin && ends_here();
      }
    }
  }
  bool skip_nested(int depth) {
    const bool is_object = *at_++ == '{';
    const char end = is_object ? '}' : ']';
    if (next(end)) return true;
    std::string_view key;
    do {
      if (is_object && (!take_text(key) || !next(':'))) return false;
      skip_blanks();
      if (!skip_value(depth)) return false;
    } while (next(','));
    return next(end);
  }

  /// A value ends in front of a comma, a bracket, or blanks.
  [[nodiscard]] bool ends_here() const {
    return at_ != end_ && (*at_ == ',' || *at_ == '}' || *at_ == ']' || is_blank(*at_));
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() ||
        std::memcmp(at_, word.data(), word.size()) != 0) {
      return false;
    }
    at_ += word.size();
    return ends_here();
  }

  /// Without escapes, printable ASCII alone.
  bool take_text(std::string_view& text) {
    if (!next('"')) return false;
    const char* begin = at_;
    while (end_ - at_ >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at_, sizeof word);
      const std::uint64_t special = zeros(word ^ (kOnes * '"')) | zeros(word ^ (kOnes * '\\')) |
                                    ((word - kOnes * 0x20) & ~word & kHighs) | (word & kHighs);
      if (special != 0) {
        at_ += std::countr_zero(special) / 8;
        break;
      }
      at_ += sizeof word;
    }
    while (at_ != end_ && *at_ != '"') {
      if (*at_ == '\\' || static_cast<unsigned char>(*at_ - 0x20) >= 0x60) return false;
      ++at_;
    }
    if (at_ == end_) return false;
    text = {begin, static_cast<std::size_t>(at_ - begin)};
    ++at_;
    return true;
  }

  /// No exponent; so many digits that an i64 and a double hold them as they are.
  bool take_decimal(Decimal& number) {
    constexpr int kDigitsMax = 18;
    number.negative = *at_ == '-';
    if (number.negative) ++at_;
    const char* begin = at_;
    const char* point = nullptr;
    for (; at_ != end_; ++at_) {
      if (*at_ == '.' && point == nullptr && at_ != begin) {
        point = at_;
      } else if (is_digit(*at_) && ++number.count <= kDigitsMax) {
        number.digits = number.digits * 10 + (*at_ - '0');
      } else {
        break;
      }
    }
    const bool leading_zero = at_ - begin > 1 && *begin == '0' && begin[1] != '.';
    if (number.count == 0 || leading_zero || point == at_ - 1) return false;
    if (point != nullptr) number.behind_point = static_cast<int>(at_ - point - 1);
    return ends_here();
  }

  bool take_integer(JsonKind kind, void* to) {
    Decimal number;
    if (!take_decimal(number) || number.behind_point != 0) return false;
    if (kind < JsonKind::kU8) {
      return store_signed(kind, to, number.negative ? -number.digits : number.digits);
    }
    return !number.negative && store_unsigned(kind, to, static_cast<std::uint64_t>(number.digits));
  }

  /// Up to 15 digits and a power of ten that is exact: one rounding, the right one.
  bool take_double(JsonKind kind, void* to) {
    constexpr std::array<double, 16> kTens{1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                           1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    Decimal number;
    if (!take_decimal(number) || number.count > 15) return false;
    const double value =
        static_cast<double>(number.digits) / kTens[static_cast<std::size_t>(number.behind_point)];
    store_double(kind, to, number.negative ? -value : value);
    return true;
  }

  const char* at_;
  const char* end_;
};

}  // namespace

bool decode_flat(const JsonType& type, std::string_view text, void* to) {
  return FlatReader(text).take(type, to);
}

}  // namespace stele::projections::detail
