#include "projections/fold/state_codec.h"

namespace stele::projections::detail {

void put_varint(Bytes& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::byte>(value | 0x80));
  to.push_back(static_cast<std::byte>(value));
}

std::uint64_t StateReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = fixed<std::uint8_t>();
    const std::uint64_t bits = byte & 0x7fU;
    // The tenth byte has room for one bit; a last byte of 0 is one that the encoder leaves out.
    if ((shift == 63 && bits > 1) || (shift > 0 && byte == 0)) fail();
    value |= bits << shift;
    if ((byte & 0x80) == 0) return failed_ ? 0 : value;
  }
  fail();
  return 0;
}

Error state_corrupt() {
  return {Code::kCorrupt, "the bytes are no state of this type (another version's, or damaged)"};
}

}  // namespace stele::projections::detail
