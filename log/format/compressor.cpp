#include "log/format/compressor.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele {
namespace {

constexpr std::size_t kInputBytesMax = std::numeric_limits<std::int32_t>::max();

struct EndDeflate {
  void operator()(z_stream* stream) const {
    deflateEnd(stream);
    delete stream;
  }
};
struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

std::unique_ptr<z_stream, EndDeflate> make_deflate() {
  auto stream = std::make_unique<z_stream>();
  constexpr int kGzip = 15 + 16;
  constexpr int kMemoryLevel = 8;
  if (deflateInit2(stream.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  return std::unique_ptr<z_stream, EndDeflate>(stream.release());
}

Bytes gzip(z_stream& stream, ByteView bytes) {
  STELE_CHECK(deflateReset(&stream) == Z_OK);
  Bytes packed(deflateBound(&stream, bytes.size()));
  // zlib takes a non-const pointer, but only reads.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  STELE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  return packed;
}

Bytes snap(ByteView bytes) {
  static constexpr std::array<unsigned char, 16> kXerial{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                         0,    0,   0,   1,   0,   0,   0,   1};
  constexpr std::size_t kBlockBytes = 32 * 1024;
  const std::size_t block_count = (bytes.size() + kBlockBytes - 1) / kBlockBytes;
  const std::size_t packed_block_bytes_max = snappy::MaxCompressedLength(kBlockBytes);
  Bytes packed(kXerial.size() + block_count * (4 + packed_block_bytes_max));
  std::memcpy(packed.data(), kXerial.data(), kXerial.size());
  std::size_t end = kXerial.size();
  while (!bytes.empty()) {
    const ByteView block = bytes.first(std::min(bytes.size(), kBlockBytes));
    std::size_t packed_bytes = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(packed.data() + end + 4), &packed_bytes);
    store_be(packed.data() + end, static_cast<std::uint32_t>(packed_bytes));
    end += 4 + packed_bytes;
    bytes = bytes.subspan(block.size());
  }
  packed.resize(end);
  return packed;
}

Bytes lz4(ByteView bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  Bytes packed(LZ4F_compressFrameBound(bytes.size(), &preferences));
  const std::size_t end =
      LZ4F_compressFrame(packed.data(), packed.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(end) != 0) throw std::bad_alloc();  // there was room, so only memory can fail
  packed.resize(end);
  return packed;
}

Bytes zstd(ZSTD_CCtx* context, ByteView bytes) {
  constexpr int kLevel = 3;
  Bytes packed(ZSTD_compressBound(bytes.size()));
  const std::size_t end =
      ZSTD_compressCCtx(context, packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(end) != 0) throw std::bad_alloc();  // there was room, so only memory can fail
  packed.resize(end);
  return packed;
}

}  // namespace

struct Compressor::State {
  std::unique_ptr<z_stream, EndDeflate> gzip;
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd;

  z_stream& gzip_context() {
    if (!gzip) gzip = make_deflate();
    return *gzip;
  }
  ZSTD_CCtx* zstd_context() {
    if (!zstd) zstd.reset(ZSTD_createCCtx());
    if (!zstd) throw std::bad_alloc();
    return zstd.get();
  }
};

Compressor::Compressor() : state_(std::make_unique<State>()) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Result<Bytes> Compressor::compress(Codec codec, ByteView bytes) {
  if (bytes.size() > kInputBytesMax)
    return fail(Code::kTooLarge, "{} bytes are more than {}", bytes.size(), kInputBytesMax);
  switch (codec) {
    case Codec::kNone:
      return Bytes(bytes.begin(), bytes.end());
    case Codec::kGzip:
      return gzip(state_->gzip_context(), bytes);
    case Codec::kSnappy:
      return snap(bytes);
    case Codec::kLz4:
      return lz4(bytes);
    case Codec::kZstd:
      return zstd(state_->zstd_context(), bytes);
  }
  return fail(Code::kUnsupported, "there is no compression codec {}", static_cast<int>(codec));
}

Result<Bytes> compress(Codec codec, ByteView bytes) {
  return Compressor().compress(codec, bytes);
}

}  // namespace stele
