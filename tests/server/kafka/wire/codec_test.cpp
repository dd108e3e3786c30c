// What the codec promises beyond bytes: views, borrowed records, versions, tags, refusals on
// writing.
#include <gtest/gtest.h>

#include <limits>

#include "server/kafka/wire/walk.h"
#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_message.h"

namespace stele::kafka {
namespace {

struct Inner {
  std::int16_t number = 7;
  std::optional<std::string> note;

  using Self = Inner;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::number>(from(0)), field<&Self::note>(from(1)).nullable(from(1)));
};

/// Every type that a message can hold.
struct Everything {
  bool flag = false;
  std::int8_t i8 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  double f64 = 0;
  Uuid uuid;
  std::string_view text;
  std::optional<std::string> maybe_text;
  ByteView bytes;
  std::optional<ByteView> maybe_bytes;
  Records records;
  std::vector<Inner> inners;
  std::optional<std::vector<std::int32_t>> maybe_numbers;
  Inner inner;
  std::string tagged_text;
  Inner tagged_inner;

  using Self = Everything;
  static constexpr Message kMessage{"Everything", {0, 2}, 2};
  static constexpr auto kFields =
      fields(field<&Self::flag>(from(0)), field<&Self::i8>(from(0)), field<&Self::i16>(from(0)),
             field<&Self::i32>(from(0)), field<&Self::i64>(from(0)), field<&Self::u16>(from(0)),
             field<&Self::u32>(from(0)), field<&Self::f64>(from(0)), field<&Self::uuid>(from(0)),
             field<&Self::text>(from(0)), field<&Self::maybe_text>(from(0)).nullable(from(1)),
             field<&Self::bytes>(from(0)), field<&Self::maybe_bytes>(from(0)).nullable(from(1)),
             field<&Self::records>(from(0)).nullable(from(1)), field<&Self::inners>(from(0)),
             field<&Self::maybe_numbers>(from(1)).nullable(from(1)), field<&Self::inner>(from(1)),
             tagged<&Self::tagged_text>(0, from(2)), tagged<&Self::tagged_inner>(3, from(2)));
};

template <class M>
Bytes bytes_of(std::int16_t version, const M& message) {
  Writer out;
  const auto done = write(out, version, message);
  EXPECT_TRUE(done) << done.error().text();
  return std::move(out).bare().flat();
}

template <class M>
std::string refusal(std::int16_t version, const M& message) {
  Writer out;
  const auto done = write(out, version, message);
  return done ? "written" : done.error().text();
}

TEST(FieldList, TakesNamesFromTheMembers) {
  EXPECT_EQ(std::get<0>(Everything::kFields).info.name, "flag");
  EXPECT_EQ(std::get<9>(Everything::kFields).info.name, "text");
  EXPECT_EQ(std::get<17>(Everything::kFields).info.name, "tagged_text");
}

TEST(Codec, EveryTypeHasTheBytesOfTheProtocolGuide) {
  Everything all{.flag = true,
                 .i8 = -2,
                 .i16 = 3,
                 .i32 = -4,
                 .i64 = 5,
                 .u16 = 0xfffe,
                 .u32 = 0xfffffffd,
                 .f64 = -1.5,
                 .text = "ab",
                 .bytes = as_bytes("c"),
                 .inners = {{.number = 1, .note = "n"}},
                 .tagged_text = "t"};
  all.maybe_numbers = {1};
  const std::string numbers =
      "01 fe 0003 fffffffc 0000000000000005 fffe fffffffd bff8000000000000 "
      "00000000000000000000000000000000 ";
  EXPECT_EQ(to_hex(bytes_of(1, all)),
            to_hex(from_hex(numbers + "0002 6162 ffff 00000001 63 ffffffff 00000000 "
                                      "00000001 0001 0001 6e 00000001 00000001 0007 ffff")));
  EXPECT_EQ(to_hex(bytes_of(2, all)),
            to_hex(from_hex(numbers + "03 6162 00 02 63 00 01 02 0001 02 6e 00 02 00000001 "
                                      "0007 00 00 01 00 02 02 74")));
}

TEST(Codec, EveryTypeComesBackAsItWent) {
  RandomMessages random(1);
  for (std::int16_t version = 0; version <= 2; ++version) {
    for (int i = 0; i < 500; ++i) {
      const Bytes bytes = bytes_of(version, random.make<Everything>(version));
      const auto again = read<Everything>(version, bytes);
      ASSERT_TRUE(again) << again.error().text();
      ASSERT_EQ(to_hex(bytes_of(version, *again)), to_hex(bytes)) << "v" << version;
    }
  }
  const Bytes bytes = bytes_of(2, Everything{.u32 = 0xfffffffd,
                                             .f64 = -1.5,
                                             .tagged_text = "t",
                                             .tagged_inner = {.number = 9, .note = "x"}});
  const auto all = read<Everything>(2, bytes);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->u32, 0xfffffffd);
  EXPECT_EQ(all->f64, -1.5);
  EXPECT_EQ(all->tagged_text, "t");
  EXPECT_EQ(all->tagged_inner, (Inner{.number = 9, .note = "x"}));
}

TEST(Codec, FieldsAbsentInAVersionKeepTheirInitializer) {
  const auto request =
      read<FetchRequest>(4, from_hex("ffffffff 000001f4 00000001 00100000 00 00000001 0001 74 "
                                     "00000001 00000000 0000000000000009 00001000"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->max_wait_ms, 500);
  EXPECT_EQ(request->session_epoch, -1);
  ASSERT_EQ(request->topics.size(), 1u);
  ASSERT_EQ(request->topics[0].partitions.size(), 1u);
  EXPECT_EQ(request->topics[0].partitions[0].fetch_offset, 9);
  EXPECT_EQ(request->topics[0].partitions[0].current_leader_epoch, -1);
  EXPECT_EQ(request->topics[0].partitions[0].high_watermark,
            std::numeric_limits<std::int64_t>::max());
}

TEST(Codec, UnknownTagsAreSkippedInEveryStruct) {
  const Bytes bytes = from_hex("02 02 61 01 63 02 aaaa 01 00 00 02 05 01 bb 06 00");
  const auto request = read<MetadataRequest>(9, bytes);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->topics->at(0).name, "a");
  EXPECT_EQ(to_hex(bytes_of(9, *request)), to_hex(from_hex("02 02 61 00 01 00 00 00")));
}

TEST(Codec, ATagOfALaterVersionIsSkipped) {
  // current_leader, tag 0 of a partition, begins with v10.
  const auto response = read<ProduceResponse>(
      9, from_hex("02 02 74 02 00000001 0000 0000000000000000 ffffffffffffffff ffffffffffffffff "
                  "01 00 01 00 09 00000003 00000004 00 00 00000000 00"));
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->topics[0].partitions[0].current_leader, LeaderIdAndEpoch{});
}

TEST(Codec, RequestsViewTheFrame) {
  const Bytes frame =
      from_hex("ffff 0001 00000001 00000001 0001 74 00000001 00000000 00000002 aabb");
  const auto request = read<ProduceRequest>(3, frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(as_bytes(request->topics[0].name).data(), frame.data() + 14);
  EXPECT_EQ(request->topics[0].partitions[0].records->data(), frame.data() + frame.size() - 2);
}

TEST(Codec, AStructThatMayBeNullHasAByteInFront) {
  DescribeTopicPartitionsRequest request{.response_partition_limit = 7};
  EXPECT_EQ(to_hex(bytes_of(0, request)), to_hex(from_hex("01 00000007 ff 00")));
  request.cursor = TopicPartitionCursor{.topic_name = "t", .partition = 3};
  const Bytes bytes = bytes_of(0, request);
  EXPECT_EQ(to_hex(bytes), to_hex(from_hex("01 00000007 01 02 74 00000003 00 00")));
  const auto again = read<DescribeTopicPartitionsRequest>(0, bytes);
  ASSERT_TRUE(again) << again.error().text();
  ASSERT_TRUE(again->cursor);
  EXPECT_EQ(again->cursor->topic_name, "t");
  EXPECT_EQ(again->cursor->partition, 3);
}

TEST(Frame, OwnsTheBytesThatAreNoRecords) {
  Bytes metadata(5'000, std::byte{1});
  const auto frame = response_frame(
      1, 5, JoinGroupResponse{.members = {{.member_id = "m", .metadata = metadata}}});
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->pieces().size(), 1u);
  std::ranges::fill(metadata, std::byte{2});
  const Bytes flat = frame->flat();
  EXPECT_EQ(flat.back(), std::byte{1});
}

TEST(Frame, BorrowsRecordsAndKeepsTheOrderOfPieces) {
  const Bytes first(5'000, std::byte{1});
  const Bytes second(300, std::byte{2});
  const Bytes small(10, std::byte{3});
  FetchResponse response;
  response.topics.push_back({.name = "t", .partitions = {{}, {}}});
  response.topics[0].partitions[0].records = {.pieces = {first, second}};
  response.topics[0].partitions[1].records = {.pieces = {small}};
  const auto frame = response_frame(1, 11, response);
  ASSERT_TRUE(frame);
  const auto pieces = frame->pieces();
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(pieces[1].data(), first.data());
  EXPECT_EQ(pieces[2].data(), second.data());
  EXPECT_EQ(frame->size(), frame->flat().size());
  EXPECT_EQ(load_be<std::int32_t>(pieces[0].data()), static_cast<std::int32_t>(frame->size()) - 4);

  const Bytes flat = frame->flat();
  const auto again = read<FetchResponse>(11, ByteView(flat).subspan(8));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->topics[0].partitions[0].records.size(), 5'300u);
  EXPECT_EQ(again->topics[0].partitions[1].records.size(), 10u);
}

TEST(Writing, RefusesWhatTheVersionCannotSay) {
  MetadataResponse nameless;
  nameless.topics.push_back({.name = std::nullopt});
  EXPECT_EQ(refusal(11, nameless),
            "invalid: MetadataResponse v11: topics[0].name: null where none is allowed");
  EXPECT_EQ(refusal(12, nameless), "written");
  EXPECT_EQ(refusal(0, MetadataRequest{.topics = std::nullopt}),
            "invalid: MetadataRequest v0: topics: null where none is allowed");

  const std::string longest(32'767, 'x');
  const std::string too_long(32'768, 'x');
  for (std::int16_t version : {std::int16_t{8}, std::int16_t{9}}) {
    EXPECT_EQ(refusal(version, ProduceRequest{.transactional_id = longest}), "written");
    EXPECT_NE(refusal(version, ProduceRequest{.transactional_id = too_long})
                  .find("transactional_id: too long"),
              std::string::npos);
  }
}

TEST(RequestHeaderReading, FollowsTheApiAndItsVersion) {
  const Bytes frame = from_hex("0012 0003 00000009 0001 63 00 02 61 02 62 00");
  const auto request = read_request_header(frame);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->api->key, ApiKey::kApiVersions);
  EXPECT_EQ(request->header.correlation_id, 9);
  EXPECT_EQ(request->header.client_id, "c");
  const auto body = read<ApiVersionsRequest>(3, request->body);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->client_software_version, "b");
}

TEST(RequestHeaderReading, LeavesVersionsOutsideTheRangeToTheCaller) {
  const Bytes frame = from_hex("0012 0063 00000009 ffff 00 ffff");
  const auto request = read_request_header(frame);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->header.api_version, 99);
  EXPECT_FALSE(request->api->served.has(99));
  EXPECT_EQ(request->body.size(), 2u);
}

TEST(ApiTable, IsSortedAndAdvertisesProduceFromZero) {
  for (std::size_t i = 1; i < kApis.size(); ++i) EXPECT_LT(kApis[i - 1].key, kApis[i].key);
  const auto ranges = advertised_ranges();
  ASSERT_EQ(ranges.size(), kApis.size());
  EXPECT_EQ(ranges[0].min_version, 0);
  EXPECT_EQ(ranges[0].max_version, 13);
  EXPECT_FALSE(api_of(ApiKey::kProduce).served.has(2));
  EXPECT_EQ(find_api(34), nullptr);
}

TEST(ErrorCodes, HaveKafkasNames) {
  EXPECT_EQ(name(ErrorCode::kUnknownTopicId), "UNKNOWN_TOPIC_ID");
  EXPECT_EQ(static_cast<int>(ErrorCode::kUnknownTopicId), 100);
  EXPECT_EQ(name(static_cast<ErrorCode>(9'999)), "?");
}

}  // namespace
}  // namespace stele::kafka
