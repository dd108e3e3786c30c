// Input that is not what it should be: an error with a place, no crash, no memory for what is not
// there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "tests/server/kafka/wire/allocation_counter.h"
#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_bytes.h"

namespace stele::kafka {
namespace {

constexpr std::uint64_t kSeed = 20'260'101;

std::uint64_t seed() {
  const char* wanted = std::getenv("STELE_SEED");
  return wanted == nullptr ? kSeed : std::strtoull(wanted, nullptr, 10);
}

/// In a buffer of exactly this size, so that a sanitizer sees a read past it.
template <class M>
Result<M> read_exact(std::int16_t version, ByteView bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  auto result = read<M>(version, ByteView(copy.get(), bytes.size()));
  if (!result) return result;
  return M{};  // views into the copy must not get out
}

/// A message type without its type: each test's loop is compiled once, not once for each of them.
struct AnyMessage {
  const Message& message;
  Result<void> (*read)(std::int16_t version, ByteView bytes);
  bool (*can_be_written)(std::int16_t version);
};

template <class M>
Result<void> read_any(std::int16_t version, ByteView bytes) {
  auto result = read_exact<M>(version, bytes);
  if (!result) return std::unexpected(std::move(result.error()));
  return {};
}

template <class M>
bool can_be_written(std::int16_t version) {
  Writer out;
  return write(out, version, M{}).has_value();
}

std::vector<AnyMessage> every_message() {
  std::vector<AnyMessage> all;
  for_each_message(
      [&]<class M> { all.push_back({M::kMessage, &read_any<M>, &can_be_written<M>}); });
  return all;
}

/// Calls check(message, version) for each in each of its versions.
void for_any_message_version(const std::function<void(const AnyMessage&, std::int16_t)>& check) {
  for (const AnyMessage& any : every_message()) {
    for (std::int16_t v = any.message.versions.first; v <= any.message.versions.last; ++v) {
      check(any, v);
    }
  }
}

/// One small enough to be tried at every byte.
Bytes small_bytes(RandomMessages& random, const Message& message, std::int16_t version) {
  for (;;) {
    Bytes bytes = random_bytes(random, message.name, version);
    if (bytes.size() <= 1'500) return bytes;
  }
}

std::string error_of(auto&& result) {
  return result ? "no error" : result.error().text();
}

TEST(MalformedMessage, EveryTruncationOfEveryMessageIsRefused) {
  RandomMessages random(seed());
  std::size_t tried = 0;
  for_any_message_version([&](const AnyMessage& any, std::int16_t version) {
    for (int i = 0; i < 4; ++i) {
      const Bytes bytes = small_bytes(random, any.message, version);
      for (std::size_t size = 0; size < bytes.size(); ++size, ++tried) {
        const auto result = any.read(version, ByteView(bytes).first(size));
        ASSERT_FALSE(result) << any.message.name << " v" << version << " cut at " << size
                             << " seed " << seed();
        ASSERT_EQ(result.error().code, Code::kInvalid);
      }
      ASSERT_TRUE(any.read(version, bytes));
    }
  });
  EXPECT_GT(tried, 20'000u);
}

TEST(MalformedMessage, BytesAfterTheEndAreRefused) {
  RandomMessages random(seed());
  for_any_message_version([&](const AnyMessage& any, std::int16_t version) {
    Bytes bytes = small_bytes(random, any.message, version);
    bytes.push_back(std::byte{0});
    const auto result = any.read(version, bytes);
    ASSERT_FALSE(result) << any.message.name << " v" << version;
    EXPECT_EQ(result.error().code, Code::kInvalid);
    EXPECT_NE(result.error().detail.find("after its end"), std::string::npos);
  });
}

TEST(MalformedMessage, DamagedBytesNeverCrashAndNeverTakeMuchMemory) {
  RandomMessages random(seed());
  std::mt19937_64 damage(seed());
  for_any_message_version([&](const AnyMessage& any, std::int16_t version) {
    const Bytes intact = small_bytes(random, any.message, version);
    for (int i = 0; i < 300 && !intact.empty(); ++i) {
      Bytes bytes = intact;
      for (auto n = 1 + damage() % 4; n > 0; --n) {
        bytes[damage() % bytes.size()] =
            static_cast<std::byte>(damage() % 3 == 0 ? 0xff : damage());
      }
      const std::size_t before = allocated_bytes();
      (void)any.read(version, bytes);
      ASSERT_LT(allocated_bytes() - before, 400'000u) << any.message.name << " v" << version;
    }
  });
}

TEST(MalformedMessage, VersionsOutsideTheServedOnesAreUnsupported) {
  for (const AnyMessage& any : every_message()) {
    for (int version : {any.message.versions.first - 1, any.message.versions.last + 1}) {
      const auto result = any.read(static_cast<std::int16_t>(version), {});
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, Code::kUnsupported) << any.message.name << " v" << version;
      EXPECT_FALSE(any.can_be_written(static_cast<std::int16_t>(version)));
    }
  }
}

TEST(MalformedMessage, ErrorsNameThePlace) {
  struct Case {
    std::string_view hex;
    std::string_view error;
  };
  for (const Case& c : {
           Case{"ffff 0001 00000001 00000001 0001 74 00000001 00000000 00000009",
                "invalid: ProduceRequest v3: topics[0].partitions[0].records: ends too early"},
           Case{"ffff 0001 00000001 00000001 ffff 00000000",
                "invalid: ProduceRequest v3: topics[0].name: null where none is allowed"},
           Case{"fffe", "invalid: ProduceRequest v3: transactional_id: negative length"},
           Case{"ffff 0001 00000001 fffffffe",
                "invalid: ProduceRequest v3: topics: negative length"},
       }) {
    EXPECT_EQ(error_of(read<ProduceRequest>(3, from_hex(c.hex))), c.error);
  }
}

TEST(MalformedMessage, HugeCountsAreRefusedBeforeAnythingIsAllocated) {
  struct Case {
    const char* name;
    std::int16_t version;
    std::string_view hex;
  };
  for (const Case& c : {
           Case{"2^31-1 topics", 3, "ffff 0001 00000001 7fffffff 000000000000"},
           Case{"a million topics", 3, "ffff 0001 00000001 000f4240 000000000000"},
           Case{"one topic more than fits", 3, "ffff 0001 00000001 00000003 000000000000 00000000"},
           Case{"2^32-2 topics, compact", 9, "00 0001 00000001 ffffffff0f 000000000000"},
           Case{"a long transactional id", 9, "ffffffff07 000000"},
           Case{"huge records", 3,
                "ffff 0001 00000001 00000001 0000 00000001 00000000 7fffffff 00"},
       }) {
    SCOPED_TRACE(c.name);
    const Bytes bytes = from_hex(c.hex);
    const std::size_t before = allocated_bytes();
    const auto result = read<ProduceRequest>(c.version, bytes);
    EXPECT_LT(allocated_bytes() - before, 1'000u);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kInvalid);
  }
}

TEST(MalformedMessage, ElementsOfAllArraysTogetherAreLimited) {
  // DeleteTopics v1: empty names, 2 bytes each.
  const auto names = [](std::int32_t count) {
    Bytes bytes(4 + static_cast<std::size_t>(count) * 2 + 4);
    store_be(bytes.data(), count);
    return bytes;
  };
  EXPECT_TRUE(read<DeleteTopicsRequest>(1, names(1'000'000)));
  EXPECT_EQ(error_of(read<DeleteTopicsRequest>(1, names(1'000'001))),
            "invalid: DeleteTopicsRequest v1: topic_names: too many elements");

  const auto metadata = from_hex("00000002 0001 61 0001 62");
  EXPECT_TRUE(read<MetadataRequest>(0, metadata, {.elements_max = 2}));
  EXPECT_FALSE(read<MetadataRequest>(0, metadata, {.elements_max = 1}));
  // Two topics of two partitions each are six elements.
  const auto nested = from_hex(
      "ffffffff 00000002 0001 61 00000002 00000000 0000000000000000 00000001 0000000000000000 "
      "0001 62 00000002 00000000 0000000000000000 00000001 0000000000000000");
  EXPECT_TRUE(read<ListOffsetsRequest>(1, nested, {.elements_max = 6}));
  EXPECT_FALSE(read<ListOffsetsRequest>(1, nested, {.elements_max = 5}));
}

TEST(MalformedMessage, TaggedFieldsAreChecked) {
  struct Case {
    const char* name;
    std::string_view tags;
    std::string_view error;
  };
  // ApiVersionsResponse v3, up to its tags.
  const std::string body = "0000 01 00000000 ";
  for (const Case& c : {
           Case{"no tags", "00", "no error"},
           Case{"unknown tag", "01 63 02 aabb", "no error"},
           Case{"unknown tag without contents", "01 63 00", "no error"},
           Case{"contents cut", "01 63 03 aabb", "tagged fields: ends too early"},
           Case{"fewer than said", "02 63 00", "tagged fields: ends too early"},
           Case{"known tag", "01 01 08 0000000000000001", "no error"},
           Case{"known tag too short", "01 01 04 00000001",
                "finalized_features_epoch: ends too early"},
           Case{"known tag too long", "01 01 09 000000000000000100",
                "finalized_features_epoch: tagged field longer than its value"},
           Case{"too many", "91 4e", "tagged fields: too many tagged fields"},
       }) {
    SCOPED_TRACE(c.name);
    const auto error = error_of(read<ApiVersionsResponse>(3, from_hex(body + std::string(c.tags))));
    const bool fails = c.error != "no error";
    EXPECT_EQ(error, (fails ? "invalid: ApiVersionsResponse v3: " : "") + std::string(c.error));
  }
}

TEST(MalformedMessage, TenThousandTagsAreReadAndOneMoreIsNot) {
  const auto with_tags = [](std::string_view count, int tags) {
    Bytes bytes = from_hex("0000 01 00000000 " + std::string(count));
    for (int i = 0; i < tags; ++i) bytes.insert(bytes.end(), {std::byte{0x7f}, std::byte{0}});
    return bytes;
  };
  EXPECT_TRUE(read<ApiVersionsResponse>(3, with_tags("904e", 10'000)));
  EXPECT_FALSE(read<ApiVersionsResponse>(3, with_tags("914e", 10'001)));
}

TEST(MalformedMessage, VarintsOver32BitsAreRefused) {
  EXPECT_EQ(error_of(read<ProduceRequest>(9, from_hex("ffffffff10 00"))),
            "invalid: ProduceRequest v9: transactional_id: varint over 32 bits");
  EXPECT_EQ(error_of(read<ProduceRequest>(9, from_hex("8080808080 00"))),
            "invalid: ProduceRequest v9: transactional_id: varint over 32 bits");
}

TEST(MalformedRequestHeader, IsAnErrorThatTellsUnknownApisFromBadBytes) {
  struct Case {
    const char* name;
    std::string_view frame;
    Code code;
  };
  for (const Case& c : {Case{"empty", "", Code::kInvalid},
                        Case{"cut in the fixed part", "0000 0003 000000", Code::kInvalid},
                        Case{"client id cut", "0000 0003 00000001 0005 61", Code::kInvalid},
                        Case{"tags missing", "0012 0003 00000001 ffff", Code::kInvalid},
                        Case{"unknown api", "0fff 0000 00000001 ffff", Code::kUnsupported},
                        Case{"negative api", "ffff 0000 00000001 ffff", Code::kUnsupported}}) {
    SCOPED_TRACE(c.name);
    const auto result = read_request_header(from_hex(c.frame));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, c.code);
  }
}

}  // namespace
}  // namespace stele::kafka
