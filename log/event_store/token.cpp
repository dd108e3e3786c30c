#include "log/event_store/token.h"

#include <algorithm>
#include <array>

#include "log/base/bytes.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::byte kKind{1};
constexpr std::size_t kCheckAt = 29;
constexpr std::size_t kTokenBytes = 33;
constexpr std::size_t kTokenTextSize = 44;
static_assert(kTokenTextSize * 6 == kTokenBytes * 8);

using TokenBytes = std::array<std::byte, kTokenBytes>;

consteval std::array<std::int8_t, 256> digit_table() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

}  // namespace

std::string encode_token(const TokenPlace& place) {
  TokenBytes bytes;
  bytes[0] = kKind;
  std::ranges::copy(place.store.bytes, bytes.begin() + 1);
  store_le(bytes.data() + 17, place.timeline);
  store_le(bytes.data() + 21, place.next.raw());
  store_le(bytes.data() + kCheckAt, crc32c(ByteView(bytes).first(kCheckAt)));
  std::string text(kTokenTextSize, '\0');
  for (std::size_t in = 0, out = 0; in < bytes.size(); in += 3) {
    const std::uint32_t three = std::to_integer<std::uint32_t>(bytes[in]) << 16 |
                                std::to_integer<std::uint32_t>(bytes[in + 1]) << 8 |
                                std::to_integer<std::uint32_t>(bytes[in + 2]);
    for (int shift = 18; shift >= 0; shift -= 6) text[out++] = kAlphabet[three >> shift & 63];
  }
  return text;
}

Result<TokenPlace> decode_token(std::string_view token) {
  static constexpr auto kDigits = digit_table();
  if (token.size() != kTokenTextSize)
    return fail(Code::kInvalid, "a token has {} characters, not {}", kTokenTextSize, token.size());
  TokenBytes bytes;
  for (std::size_t in = 0, out = 0; in < token.size(); in += 4) {
    std::uint32_t three = 0;
    for (const char c : token.substr(in, 4)) {
      const std::int8_t digit = kDigits[static_cast<unsigned char>(c)];
      if (digit < 0) return fail(Code::kInvalid, "a token is base64url");
      three = three << 6 | static_cast<std::uint32_t>(digit);
    }
    for (int shift = 16; shift >= 0; shift -= 8)
      bytes[out++] = static_cast<std::byte>(three >> shift & 255);
  }
  if (bytes[0] != kKind ||
      load_le<std::uint32_t>(bytes.data() + kCheckAt) != crc32c(ByteView(bytes).first(kCheckAt)))
    return fail(Code::kInvalid, "the token is not one that a store gave");
  return TokenPlace{.store = Uuid::load(bytes.data() + 1),
                    .timeline = load_le<std::int32_t>(bytes.data() + 17),
                    .next = Position(load_le<std::int64_t>(bytes.data() + 21))};
}

}  // namespace stele::log
