#include "log/format/decompressor.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "log/format/compressor.h"
#include "tests/log/format/batches.h"

namespace stele {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr Codec kCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

Bytes raw_snappy(ByteView bytes) {
  std::string packed;
  snappy::Compress(reinterpret_cast<const char*>(bytes.data()), bytes.size(), &packed);
  return test::bytes_of(packed);
}

/// As a stream without a content size, in a window of 2^`window_log`.
Bytes zstd_stream(ByteView bytes, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  Bytes packed(ZSTD_compressBound(bytes.size()) + 64);
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (in.pos < in.size) ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  while (ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) != 0) continue;
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

Bytes lz4_frame(ByteView bytes, LZ4F_blockMode_t mode, std::uint64_t content_bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = mode;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.contentSize = content_bytes;
  Bytes packed(LZ4F_compressFrameBound(bytes.size(), &preferences));
  packed.resize(
      LZ4F_compressFrame(packed.data(), packed.size(), bytes.data(), bytes.size(), &preferences));
  return packed;
}

TEST(Decompressor, RoundTripsEveryCodecAndSize) {
  std::mt19937_64 random = test::seeded();
  Decompressor decompressor;
  Compressor compressor;
  std::vector<std::size_t> sizes{1, 2, 61, 32'767, 32'768, 32'769, 65'536, 65'537, 3 * kMiB + 1};
  for (int i = 0; i < 30; ++i) sizes.push_back(1 + random() % 200'000);
  for (std::size_t size : sizes) {
    const Bytes bytes = test::random_bytes(random, size);
    for (Codec codec : kCodecs) {
      const Bytes packed = compressor.compress(codec, bytes).value();
      const auto unpacked = decompressor.decompress(codec, packed, size);
      ASSERT_TRUE(unpacked) << static_cast<int>(codec) << " " << unpacked.error().text();
      ASSERT_TRUE(std::ranges::equal(*unpacked, bytes)) << static_cast<int>(codec) << " " << size;
      const auto over = decompressor.decompress(codec, packed, size - 1);
      ASSERT_FALSE(over) << static_cast<int>(codec) << " " << size;
      EXPECT_EQ(over.error().code, Code::kTooLarge);
    }
  }
}

TEST(Decompressor, ReadsWhatOtherClientsSend) {
  std::mt19937_64 random = test::seeded();
  const Bytes bytes = test::random_bytes(random, 300'000);
  Bytes twice = bytes;
  twice.insert(twice.end(), bytes.begin(), bytes.end());
  Bytes two_members = compress(Codec::kGzip, bytes).value();
  two_members.insert(two_members.end(), two_members.begin(), two_members.end());
  Bytes two_frames = compress(Codec::kZstd, bytes).value();
  two_frames.insert(two_frames.end(), two_frames.begin(), two_frames.end());
  struct Case {
    const char* name;
    Codec codec;
    Bytes packed;
    const Bytes& expected;
  };
  const std::vector<Case> cases{
      {"raw snappy block", Codec::kSnappy, raw_snappy(bytes), bytes},
      {"zstd stream", Codec::kZstd, zstd_stream(bytes, 19), bytes},
      {"zstd stream with a window of 128 MiB", Codec::kZstd, zstd_stream(bytes, 27), bytes},
      {"lz4 with content size", Codec::kLz4, lz4_frame(bytes, LZ4F_blockIndependent, bytes.size()),
       bytes},
      {"two gzip members", Codec::kGzip, two_members, twice},
      {"two zstd frames", Codec::kZstd, two_frames, twice},
      {"plain", Codec::kNone, bytes, bytes},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto unpacked = decompress(c.codec, c.packed, kMiB);
    ASSERT_TRUE(unpacked) << unpacked.error().text();
    EXPECT_EQ(*unpacked, c.expected);
  }
}

TEST(Decompressor, RefusesTruncationAtEveryByte) {
  std::mt19937_64 random = test::seeded();
  const Bytes bytes = test::random_bytes(random, 1'500);
  Decompressor decompressor;
  for (Codec codec : kCodecs) {
    const Bytes packed = compress(codec, bytes).value();
    for (std::size_t cut = 0; cut < packed.size(); ++cut) {
      // Xerial framing has no end mark: cut between blocks it is whole. Here, after its header.
      if (codec == Codec::kSnappy && cut == 16) continue;
      const Bytes exact(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(cut));
      const auto unpacked = decompressor.decompress(codec, exact, kMiB);
      ASSERT_FALSE(unpacked) << static_cast<int>(codec) << " cut at " << cut;
      EXPECT_EQ(unpacked.error().code, Code::kInvalid) << unpacked.error().text();
    }
  }
}

TEST(Decompressor, NoFlippedBitCrashesOrPassesTheLimit) {
  std::mt19937_64 random = test::seeded();
  const Bytes bytes = test::random_bytes(random, 800);
  std::vector<std::pair<Codec, Bytes>> inputs{{Codec::kSnappy, raw_snappy(bytes)},
                                              {Codec::kZstd, zstd_stream(bytes, 12)}};
  for (Codec codec : kCodecs) inputs.emplace_back(codec, compress(codec, bytes).value());
  Decompressor decompressor;
  int refused = 0;
  for (const auto& [codec, packed] : inputs) {
    for (std::size_t at = 0; at < packed.size(); ++at) {
      Bytes flipped = packed;
      flipped[at] ^= static_cast<std::byte>(1u << random() % 8);
      const auto unpacked = decompressor.decompress(codec, flipped, 1'000);
      if (unpacked) ASSERT_LE(unpacked->size(), 1'000u);
      if (!unpacked) ++refused;
    }
    // A flip before has left no trace in the context.
    const auto after = decompressor.decompress(codec, packed, 1'000);
    ASSERT_TRUE(after) << static_cast<int>(codec);
    EXPECT_TRUE(std::ranges::equal(*after, bytes));
  }
  EXPECT_GT(refused, 100);
}

TEST(Decompressor, RefusesBytesBehindTheEndAndUnknownFrames) {
  const Bytes bytes(1'000, std::byte{7});
  for (Codec codec : kCodecs) {
    Bytes packed = compress(codec, bytes).value();
    packed.push_back(std::byte{9});
    const auto unpacked = decompress(codec, packed, kMiB);
    ASSERT_FALSE(unpacked) << static_cast<int>(codec);
    EXPECT_EQ(unpacked.error().code, Code::kInvalid);
  }
  const auto unknown = decompress(static_cast<Codec>(5), bytes, kMiB);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kUnsupported);
  const Bytes many(200'000, std::byte{7});
  const auto linked = decompress(Codec::kLz4, lz4_frame(many, LZ4F_blockLinked, 0), kMiB);
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().code, Code::kInvalid);
}

TEST(Decompressor, DeclaredSizesAreNotBelieved) {
  // A snappy preamble of 2^32-1 bytes, before a literal of one.
  const Bytes preamble{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                       std::byte{0x0f}, std::byte{0x00}, std::byte{'x'}};
  EXPECT_EQ(decompress(Codec::kSnappy, preamble, 16 * kMiB).error().code, Code::kTooLarge);
  // 10 MB declared, within the limit, one byte there.
  const Bytes within{std::byte{0x80}, std::byte{0xad}, std::byte{0xe2},
                     std::byte{0x04}, std::byte{0x00}, std::byte{'x'}};
  EXPECT_EQ(decompress(Codec::kSnappy, within, 16 * kMiB).error().code, Code::kInvalid);
  // An LZ4 frame that says 2^40 bytes; its header checksum is right.
  const Bytes bytes(1'000, std::byte{7});
  Bytes packed(64 * 1024 + 64);
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.contentSize = 1ULL << 40;
  LZ4F_cctx* context = nullptr;
  ASSERT_EQ(LZ4F_createCompressionContext(&context, LZ4F_VERSION), 0u);
  std::size_t end = LZ4F_compressBegin(context, packed.data(), packed.size(), &preferences);
  end += LZ4F_compressUpdate(context, packed.data() + end, packed.size() - end, bytes.data(),
                             bytes.size(), nullptr);
  end += LZ4F_flush(context, packed.data() + end, packed.size() - end, nullptr);
  LZ4F_freeCompressionContext(context);
  packed.resize(end);
  packed.insert(packed.end(), 4, std::byte{0});  // end mark
  EXPECT_EQ(decompress(Codec::kLz4, packed, 16 * kMiB).error().code, Code::kInvalid);
}

#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
std::size_t resident_bytes_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}
void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

// reliability-security 5.3: what inflates far beyond it is refused at the cap, with less than 20
// MiB.
TEST(Decompressor, ABombCostsItsLimitAndNoMore) {
  std::vector<std::pair<Codec, Bytes>> bombs;
  {
    const Bytes zeros(128 * kMiB);
    for (Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd})
      bombs.emplace_back(codec, compress(codec, zeros).value());
    bombs.emplace_back(Codec::kZstd, zstd_stream(zeros, 27));
    bombs.emplace_back(Codec::kSnappy, raw_snappy(zeros));
  }
  for (const auto& [codec, bomb] : bombs) {
    SCOPED_TRACE(static_cast<int>(codec));
    reset_peak();
    const std::size_t before = resident_bytes_peak();
    Decompressor decompressor;
    const auto unpacked = decompressor.decompress(codec, bomb, 16 * kMiB);
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, Code::kTooLarge);
    EXPECT_LT(resident_bytes_peak() - before, 20 * kMiB);
  }
}
#endif

}  // namespace
}  // namespace stele
