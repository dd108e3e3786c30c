#include "projections/remote/kafka_token.h"

#include <array>
#include <cstdint>

#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::string_view kPrefix = "k1.";
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTokenBytesMax = 16 << 20;

void append_base64url(std::string& to, ByteView bytes) {
  std::uint32_t held = 0;
  int held_bits = 0;
  for (const std::byte byte : bytes) {
    held = held << 8 | std::to_integer<std::uint32_t>(byte);
    for (held_bits += 8; held_bits >= 6; held_bits -= 6)
      to += kDigits[held >> (held_bits - 6) & 63];
  }
  if (held_bits > 0) to += kDigits[held << (6 - held_bits) & 63];
}

/// False: a character that is none, or bits behind the last byte that are not 0.
bool decode_base64url(std::string_view text, Bytes& to) {
  std::uint32_t held = 0;
  int held_bits = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    held = held << 6 | static_cast<std::uint32_t>(digit);
    held_bits += 6;
    if (held_bits < 8) continue;
    held_bits -= 8;
    to.push_back(static_cast<std::byte>(held >> held_bits));
  }
  return held_bits < 6 && (held & ((1U << held_bits) - 1)) == 0;
}

}  // namespace

std::string encode_kafka_token(const Checkpoint& checkpoint) {
  Bytes bytes;
  checkpoint.encode(bytes);
  std::array<std::byte, 4> check;
  store_le(check.data(), crc32c(bytes));
  bytes.insert(bytes.end(), check.begin(), check.end());
  std::string token(kPrefix);
  append_base64url(token, bytes);
  return token;
}

Result<Checkpoint> decode_kafka_token(std::string_view token) {
  Bytes bytes;
  if (!token.starts_with(kPrefix) || token.size() > kTokenBytesMax ||
      !decode_base64url(token.substr(kPrefix.size()), bytes) || bytes.size() < 4)
    return fail(Code::kInvalid, "not a token of a Kafka source: k1.… in base64url");
  ByteView left = ByteView(bytes).first(bytes.size() - 4);
  if (load_le<std::uint32_t>(bytes.data() + left.size()) != crc32c(left))
    return fail(Code::kInvalid, "the token is not one that a source gave");
  const auto checkpoint = Checkpoint::decode(left);
  if (!checkpoint || !left.empty())
    return fail(Code::kInvalid, "the token is not one that a source gave");
  for (const InputPlace& place : checkpoint->places()) {
    if (place.input.topic.empty() || place.input.partition < 0 || place.next < 0)
      return fail(Code::kInvalid, "the token names no place in a partition");
  }
  return *checkpoint;
}

}  // namespace stele::projections
