#include "log/base/uuid.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTextSize = 22;

}  // namespace

Uuid Uuid::from_random(std::uint64_t high, std::uint64_t low) {
  Uuid id;
  store_le(id.bytes.data(), high);
  store_le(id.bytes.data() + 8, low);
  id.bytes[6] = (id.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  id.bytes[8] = (id.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return id;
}

Uuid Uuid::load(const std::byte* from) {
  Uuid id;
  std::copy_n(from, id.bytes.size(), id.bytes.begin());
  return id;
}

std::string Uuid::text() const {
  std::string out;
  out.reserve(kTextSize);
  std::uint32_t bits = 0;
  int count = 0;
  for (std::byte b : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(b);
    count += 8;
    while (count >= 6) out += kAlphabet[bits >> (count -= 6) & 63];
  }
  out += kAlphabet[bits << (6 - count) & 63];
  return out;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize)
    return fail(Code::kInvalid, "a uuid has 22 characters, not {}", text.size());
  Uuid id;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t next = 0;
  for (char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos)
      return fail(Code::kInvalid, "a uuid is base64url, '{}' is not", c);
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8 && next < id.bytes.size())
      id.bytes[next++] = static_cast<std::byte>(bits >> (count -= 8) & 255);
  }
  if ((bits & ((1u << count) - 1)) != 0) return fail(Code::kInvalid, "a uuid ends in zero bits");
  return id;
}

}  // namespace stele
