#include "log/format/varint.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

#include "tests/log/format/batches.h"

namespace stele {
namespace {

Bytes raw(std::initializer_list<int> values) {
  Bytes bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Varint, HasTheBytesThatKafkaDocuments) {
  struct Case {
    std::int32_t value;
    Bytes bytes;
  };
  // Values and bytes of Kafka's ByteUtilsTest.
  const std::vector<Case> cases{
      {0, raw({0x00})},
      {-1, raw({0x01})},
      {1, raw({0x02})},
      {63, raw({0x7e})},
      {-64, raw({0x7f})},
      {64, raw({0x80, 0x01})},
      {-65, raw({0x81, 0x01})},
      {8191, raw({0xfe, 0x7f})},
      {8192, raw({0x80, 0x80, 0x01})},
      {std::numeric_limits<std::int32_t>::max(), raw({0xfe, 0xff, 0xff, 0xff, 0x0f})},
      {std::numeric_limits<std::int32_t>::min(), raw({0xff, 0xff, 0xff, 0xff, 0x0f})},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(varint_bytes(c.value), c.bytes.size());
    Bytes written(kVarintBytesMax);
    written.resize(
        static_cast<std::size_t>(write_varint(written.data(), c.value) - written.data()));
    EXPECT_EQ(written, c.bytes);
    VarintReader reader{ByteView(c.bytes)};
    EXPECT_EQ(reader.varint(), c.value);
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(reader.left_bytes(), 0u);
  }
}

TEST(Varint, RoundTripsEveryPowerOfTwoAndItsNeighbours) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (std::uint64_t value :
         {(1ULL << bit) - 1, 1ULL << bit, (1ULL << bit) + 1, ~(1ULL << bit)}) {
      SCOPED_TRACE(value);
      std::array<std::byte, kVarlongBytesMax> bytes{};
      std::byte* end = write_uvarint(bytes.data(), value);
      EXPECT_EQ(static_cast<std::size_t>(end - bytes.data()), uvarint_bytes(value));
      VarintReader reader(bytes.data(), end);
      EXPECT_EQ(reader.unsigned_varlong(), value);
      EXPECT_FALSE(reader.failed());
      const auto sign = static_cast<std::int64_t>(value);
      EXPECT_EQ(unzigzag(zigzag(sign)), sign);
      VarintReader narrow(bytes.data(), end);
      const std::uint32_t small = narrow.unsigned_varint();
      EXPECT_EQ(narrow.failed(), value > std::numeric_limits<std::uint32_t>::max());
      EXPECT_EQ(small, narrow.failed() ? 0 : value);
    }
  }
}

TEST(Varint, TruncationAtEveryByteFails) {
  for (std::uint64_t value : {0x80ULL, 0x4000ULL, 0xffff'ffffULL, ~0ULL}) {
    Bytes bytes(kVarlongBytesMax);
    const auto size = static_cast<std::size_t>(write_uvarint(bytes.data(), value) - bytes.data());
    for (std::size_t cut = 0; cut < size; ++cut) {
      const Bytes exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      VarintReader reader{ByteView(exact)};
      EXPECT_EQ(reader.unsigned_varlong(), 0u);
      EXPECT_TRUE(reader.failed()) << cut;
    }
  }
}

TEST(Varint, TooLongOrTooLargeFails) {
  struct Case {
    const char* name;
    Bytes bytes;
    bool narrow_ok;
    bool wide_ok;
  };
  const Bytes ff9(9, std::byte{0xff});
  Bytes wide_max = ff9, wide_over = ff9, endless = ff9;
  wide_max.push_back(std::byte{1});
  wide_over.push_back(std::byte{2});
  endless.insert(endless.end(), 2, std::byte{0xff});
  const std::vector<Case> cases{
      {"longer than needed", raw({0x81, 0x80, 0x00}), true, true},
      {"32 bits", raw({0xff, 0xff, 0xff, 0xff, 0x0f}), true, true},
      {"33 bits", raw({0xff, 0xff, 0xff, 0xff, 0x1f}), false, true},
      {"six bytes", raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), false, true},
      {"64 bits", wide_max, false, true},
      {"65 bits", wide_over, false, false},
      {"no end", endless, false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    VarintReader narrow{ByteView(c.bytes)};
    static_cast<void>(narrow.unsigned_varint());
    EXPECT_EQ(narrow.failed(), !c.narrow_ok);
    VarintReader wide{ByteView(c.bytes)};
    static_cast<void>(wide.unsigned_varlong());
    EXPECT_EQ(wide.failed(), !c.wide_ok);
  }
}

TEST(Varint, AFailureSticks) {
  const Bytes bytes = raw({0x02, 0x04});
  VarintReader reader{ByteView(bytes)};
  EXPECT_TRUE(reader.take(3).empty());
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.varint(), 0);
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace stele
