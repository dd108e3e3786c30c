#include "log/format/decompressor.h"

#include <lz4frame.h>
#include <snappy.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <new>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

std::unexpected<Error> malformed(std::string_view codec, std::string_view what) {
  return fail(Code::kInvalid, "{} data is malformed: {}", codec, what);
}
std::unexpected<Error> too_large(std::string_view codec, std::size_t limit_bytes) {
  return fail(Code::kTooLarge, "{} data unpacks to more than {} bytes", codec, limit_bytes);
}

/// Room for the largest output allowed. Reserved whole, resident only where it was written.
class Scratch {
public:
  ByteSpan room(std::size_t bytes) {
    give_back();
    if (bytes > bytes_) {
      memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      bytes_ = bytes;
    }
    return {memory_.get(), bytes};
  }
  void touched(std::size_t bytes) { touched_ = bytes; }

private:
  void give_back() {
    if (touched_ <= kKeptBytes) return;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto memory = reinterpret_cast<std::uintptr_t>(memory_.get());
    const std::uintptr_t from = (memory + kKeptBytes + page - 1) / page * page;
    const std::uintptr_t to = (memory + touched_) / page * page;
    // Advice only: if it is refused, the memory stays, which is no fault.
    if (from < to)
      static_cast<void>(madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED));
    touched_ = 0;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::size_t bytes_ = 0;
  std::size_t touched_ = 0;
};

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
struct EndInflate {
  void operator()(z_stream* stream) const {
    inflateEnd(stream);
    delete stream;
  }
};

std::unique_ptr<z_stream, EndInflate> make_inflate() {
  auto stream = std::make_unique<z_stream>();
  constexpr int kGzipOnly = 15 + 16;
  if (inflateInit2(stream.get(), kGzipOnly) != Z_OK) throw std::bad_alloc();
  return std::unique_ptr<z_stream, EndInflate>(stream.release());
}

Result<std::size_t> gunzip(z_stream& stream, ByteView packed, ByteSpan out) {
  // zlib takes a non-const pointer, but only reads.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  do {  // a member each
    STELE_CHECK(inflateReset(&stream) == Z_OK);
    const int status = inflate(&stream, Z_FINISH);
    if (stream.avail_out == 0) return out.size();
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_BUF_ERROR || status == Z_OK) return malformed("gzip", "it is cut off");
    if (status != Z_STREAM_END)
      return malformed("gzip", stream.msg != nullptr ? stream.msg : "no such stream");
  } while (stream.avail_in > 0);
  return out.size() - stream.avail_out;
}

Result<std::size_t> unsnap_block(ByteView packed, ByteSpan out) {
  const char* from = reinterpret_cast<const char*>(packed.data());
  std::size_t bytes = 0;
  if (!snappy::GetUncompressedLength(from, packed.size(), &bytes))
    return malformed("snappy", "a block without a length");
  if (bytes > out.size()) return out.size();
  if (!snappy::RawUncompress(from, packed.size(), reinterpret_cast<char*>(out.data())))
    return malformed("snappy", "a block does not unpack to its length");
  return bytes;
}

Result<std::size_t> unsnap(ByteView packed, ByteSpan out) {
  // snappy-java's SnappyOutputStream: magic, version i32, compatible version i32, then blocks with
  // a big-endian length each. As a raw block, the magic's third byte would copy from before the
  // output: the two cannot be confused.
  static constexpr std::string_view kXerial{"\x82SNAPPY\0", 8};
  constexpr std::size_t kXerialBytes = 16;
  if (!as_text(packed).starts_with(kXerial)) return unsnap_block(packed, out);
  if (packed.size() < kXerialBytes) return malformed("snappy", "the framing is cut off");
  packed = packed.subspan(kXerialBytes);
  std::size_t written = 0;
  while (!packed.empty()) {
    if (packed.size() < 4) return malformed("snappy", "the framing is cut off");
    const auto block_bytes = load_be<std::uint32_t>(packed.data());
    packed = packed.subspan(4);
    if (block_bytes > packed.size()) return malformed("snappy", "a block is cut off");
    STELE_TRY(const std::size_t bytes,
              unsnap_block(packed.first(block_bytes), out.subspan(written)));
    written += bytes;
    if (written == out.size()) return written;
    packed = packed.subspan(block_bytes);
  }
  return written;
}

Result<std::size_t> unlz4(LZ4F_dctx* context, ByteView packed, ByteSpan out) {
  // Byte 4 is FLG. Kafka's own reader refuses linked blocks (Lz4BlockInputStream), so that a batch
  // with them would stop every Java consumer.
  constexpr std::byte kBlockIndependent{0x20};
  if (packed.size() > 4 && (packed[4] & kBlockIndependent) == std::byte{0})
    return malformed("lz4", "its blocks are linked, which Kafka's clients cannot read");
  LZ4F_resetDecompressionContext(context);
  LZ4F_decompressOptions_t options{};
  options.stableDst = 1;
  std::size_t read = 0;
  std::size_t written = 0;
  while (true) {
    std::size_t in_bytes = packed.size() - read;
    std::size_t out_bytes = out.size() - written;
    const std::size_t hint = LZ4F_decompress(context, out.data() + written, &out_bytes,
                                             packed.data() + read, &in_bytes, &options);
    if (LZ4F_isError(hint) != 0) return malformed("lz4", LZ4F_getErrorName(hint));
    read += in_bytes;
    written += out_bytes;
    if (written == out.size()) return written;
    if (hint == 0) break;
    if (in_bytes == 0 && out_bytes == 0) return malformed("lz4", "it is cut off");
  }
  if (read != packed.size()) return malformed("lz4", "bytes are left behind the frame");
  return written;
}

Result<std::size_t> unzstd(ZSTD_DCtx* context, ByteView packed, ByteSpan out) {
  std::size_t written = 0;
  do {  // a frame each; only today's frames, not the formats before zstd 0.8, nor skippable ones
    if (packed.size() < 4 || load_le<std::uint32_t>(packed.data()) != ZSTD_MAGICNUMBER)
      return malformed("zstd", "it does not begin with a frame");
    const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
    if (ZSTD_isError(frame_bytes) != 0) return malformed("zstd", ZSTD_getErrorName(frame_bytes));
    const std::size_t bytes = ZSTD_decompressDCtx(context, out.data() + written,
                                                  out.size() - written, packed.data(), frame_bytes);
    if (ZSTD_isError(bytes) != 0) {
      if (ZSTD_getErrorCode(bytes) == ZSTD_error_dstSize_tooSmall) return out.size();
      return malformed("zstd", ZSTD_getErrorName(bytes));
    }
    written += bytes;
    packed = packed.subspan(frame_bytes);
  } while (!packed.empty());
  return written;
}

std::string_view name(Codec codec) {
  static constexpr std::array<std::string_view, 5> kNames{"plain", "gzip", "snappy", "lz4", "zstd"};
  return kNames.at(static_cast<std::size_t>(codec));
}

}  // namespace

struct Decompressor::State {
  Scratch scratch;
  std::unique_ptr<z_stream, EndInflate> gzip;
  std::unique_ptr<LZ4F_dctx, FreeLz4> lz4;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;

  z_stream& gzip_context() {
    if (!gzip) gzip = make_inflate();
    return *gzip;
  }
  LZ4F_dctx* lz4_context() {
    if (lz4) return lz4.get();
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0)
      throw std::bad_alloc();
    lz4.reset(context);
    return context;
  }
  ZSTD_DCtx* zstd_context() {
    if (!zstd) zstd.reset(ZSTD_createDCtx());
    if (!zstd) throw std::bad_alloc();
    return zstd.get();
  }

  /// Bytes written to `out`; as many as there is room for means that there would be more.
  Result<std::size_t> unpack(Codec codec, ByteView packed, ByteSpan out) {
    switch (codec) {
      case Codec::kNone:
        break;
      case Codec::kGzip:
        return gunzip(gzip_context(), packed, out);
      case Codec::kSnappy:
        return unsnap(packed, out);
      case Codec::kLz4:
        return unlz4(lz4_context(), packed, out);
      case Codec::kZstd:
        return unzstd(zstd_context(), packed, out);
    }
    return fail(Code::kUnsupported, "there is no compression codec {}", static_cast<int>(codec));
  }
};

Decompressor::Decompressor() : state_(std::make_unique<State>()) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<ByteView> Decompressor::decompress(Codec codec, ByteView packed, std::size_t limit_bytes) {
  STELE_CHECK(limit_bytes <= kLimitBytesMax);
  if (packed.size() > kLimitBytesMax)
    return fail(Code::kTooLarge, "{} packed bytes are more than {}", packed.size(), kLimitBytesMax);
  if (codec == Codec::kNone) {
    if (packed.size() > limit_bytes) return too_large(name(codec), limit_bytes);
    return packed;
  }
  // One byte more than allowed: an output that fills it is too large.
  const ByteSpan out = state_->scratch.room(limit_bytes + 1);
  const Result<std::size_t> bytes = state_->unpack(codec, packed, out);
  state_->scratch.touched(bytes ? *bytes : out.size());
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes > limit_bytes) return too_large(name(codec), limit_bytes);
  return out.first(*bytes);
}

Result<Bytes> decompress(Codec codec, ByteView packed, std::size_t limit_bytes) {
  Decompressor decompressor;
  STELE_TRY(const ByteView bytes, decompressor.decompress(codec, packed, limit_bytes));
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace stele
