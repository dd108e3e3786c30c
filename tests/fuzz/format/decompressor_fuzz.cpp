// Fuzzes one codec (STELE_FUZZ_CODEC) of the Decompressor: whatever it is fed, it answers within
// its limit, and its reused context gives what a fresh one gives. What a codec packs comes back.
#include <algorithm>
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "log/format/compressor.h"
#include "log/format/decompressor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stele;
  constexpr auto kCodec = static_cast<Codec>(STELE_FUZZ_CODEC);
  constexpr std::size_t kLimitBytes = 1 << 18;
  static Decompressor decompressor;
  static Compressor compressor;
  const ByteView given = std::as_bytes(std::span(data, size));
  const Result<ByteView> unpacked = decompressor.decompress(kCodec, given, kLimitBytes);
  const Result<Bytes> fresh = decompress(kCodec, given, kLimitBytes);
  STELE_CHECK(unpacked.has_value() == fresh.has_value());
  STELE_CHECK(!unpacked || unpacked->size() <= kLimitBytes);
  STELE_CHECK(!unpacked || std::ranges::equal(*unpacked, *fresh));
  if (size == 0 || size > kLimitBytes) return 0;
  const Bytes packed = compressor.compress(kCodec, given).value();
  const Result<ByteView> again = decompressor.decompress(kCodec, packed, size);
  STELE_CHECK(again && std::ranges::equal(*again, given));
  return 0;
}
