// A consumer group's records, against bytes that Kafka 4.3.1's own classes wrote
// (org.apache.kafka.coordinator.group.generated), and what does not read.
#include "server/groups/consumer_group_records.h"

#include <gtest/gtest.h>

#include <memory>

#include "server/groups/consumer_group_state.h"
#include "tests/server/kafka/wire/hex.h"

namespace stele::groups {
namespace {

using kafka::from_hex;
using kafka::to_hex;
using Kind = ConsumerRecordKind;

Uuid topic_id() {
  const Bytes bytes = from_hex("0102030405060708090a0b0c0d0e0f10");
  return Uuid::load(bytes.data());
}

struct Golden {
  const char* name;
  ConsumerRecordKey key;
  GroupRecord ours;
  const char* key_hex;
  const char* value_hex;
};

template <class Value>
Golden golden(const char* name, ConsumerRecordKey key, const Value& value, const char* key_hex,
              const char* value_hex) {
  return {name, key, consumer_record(key, value).value(), key_hex, value_hex};
}

std::vector<Golden> goldens() {
  const ConsumerGroupMemberValue member{.instance_id = "i",
                                        .client_id = "c",
                                        .client_host = "/h",
                                        .subscribed_topic_names = {"a", "b"},
                                        .subscribed_topic_regex = "a.*",
                                        .rebalance_timeout_ms = 300'000,
                                        .server_assignor = "range"};
  const ConsumerGroupMemberValue classic{
      .instance_id = "",  // what Kafka's class holds unless told
      .rack_id = "",
      .client_id = "c",
      .client_host = "/h",
      .subscribed_topic_regex = "",
      .server_assignor = "",
      .classic_member_metadata = ClassicMemberValue{
          .session_timeout_ms = 45'000,
          .supported_protocols = {{.name = "range", .metadata = as_bytes("\1\2")}}}};
  const ConsumerGroupCurrentMemberValue current{
      .member_epoch = 7,
      .previous_member_epoch = 6,
      .state = 1,
      .assigned_partitions = {{.topic_id = topic_id(),
                               .partitions = {0},
                               .assignment_epochs = std::vector<std::int32_t>{5}}},
      .partitions_pending_revocation = {
          {.topic_id = topic_id(), .partitions = {3}, .assignment_epochs = std::nullopt}}};
  return {
      golden("epoch and hash", {Kind::kGroup, "g", ""},
             ConsumerGroupMetadataValue{7, 0x1122334455667788}, "0003000167",
             "0000000000070100081122334455667788"),
      golden("epoch", {Kind::kGroup, "g", ""}, ConsumerGroupMetadataValue{7, 0}, "0003000167",
             "00000000000700"),
      golden("member", {Kind::kMember, "g", "m"}, member, "000500016700016d",
             "00000269000263032f68030261026204612e2a000493e00672616e676500"),
      golden("classic member", {Kind::kMember, "g", "m"}, classic, "000500016700016d",
             "000001010263032f680101ffffffff01010011010000afc8020672616e67650301020000"),
      golden("target epoch", {Kind::kTargetEpoch, "g", ""},
             ConsumerGroupTargetEpochValue{7, 1'800'000'000'000}, "0006000167",
             "000000000007010008000001a3185c5000"),
      golden("target", {Kind::kTargetMember, "g", "m"},
             ConsumerGroupTargetMemberValue{{{topic_id(), {0, 3}}}}, "000700016700016d",
             "0000020102030405060708090a0b0c0d0e0f100300000000000000030000"),
      golden("current", {Kind::kCurrentMember, "g", "m"}, current, "000800016700016d",
             "0000000000070000000601020102030405060708090a0b0c0d0e0f1002000000000100050200000005"
             "020102030405060708090a0b0c0d0e0f1002000000030000"),
      golden("regex", {Kind::kRegex, "g", "a.*"}, ConsumerGroupRegexValue{{"a"}, 9, 10},
             "00100001670003612e2a", "00000202610000000000000009000000000000000a00"),
  };
}

TEST(ConsumerGroupRecords, AreByteForByteKafkas) {
  for (const Golden& g : goldens()) {
    SCOPED_TRACE(g.name);
    EXPECT_EQ(to_hex(g.ours.key), g.key_hex);
    EXPECT_EQ(to_hex(*g.ours.value), g.value_hex);
    const auto tombstone = consumer_tombstone(g.key);
    ASSERT_TRUE(tombstone);
    EXPECT_EQ(to_hex(tombstone->key), g.key_hex);
    EXPECT_FALSE(tombstone->value);
  }
}

TEST(ConsumerGroupRecords, AreReadIntoTheState) {
  ConsumerGroupState state;
  EXPECT_TRUE(state.is_blank());
  for (const Golden& g : goldens()) {
    SCOPED_TRACE(g.name);
    const Bytes key = from_hex(g.key_hex), value = from_hex(g.value_hex);
    const auto read = read_consumer_key(key);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->kind, g.key.kind);
    EXPECT_EQ(read->group_id, g.key.group_id);
    EXPECT_EQ(read->name, g.key.name);
    const auto applied = state.apply(*read, ByteView(value));
    ASSERT_TRUE(applied) << applied.error().text();
  }
  EXPECT_EQ(state.group_epoch(), 7);
  EXPECT_EQ(state.metadata_hash(), 0);
  EXPECT_EQ(state.assignment_epoch(), 7);
  EXPECT_EQ(state.assignment_timestamp(), 1'800'000'000'000);
  const MemberProgress& progress = state.find("m")->progress;
  EXPECT_EQ(progress.epoch, 7);
  EXPECT_EQ(progress.previous_epoch, 6);
  EXPECT_EQ(progress.state, MemberState::kUnrevoked);
  EXPECT_EQ(progress.assigned, (HeldPartitions{{{topic_id(), 0}, 5}}));
  EXPECT_EQ(progress.revoking, (HeldPartitions{{{topic_id(), 3}, 7}})) << "in its own epoch";
  EXPECT_EQ(state.target("m"), (TargetPartitions{{topic_id(), 0}, {topic_id(), 3}}));
  EXPECT_EQ(state.owner_of({topic_id(), 3}), "m");
  EXPECT_EQ(state.regexes().at("a.*").topics, std::vector<std::string>{"a"});
}

TEST(ConsumerGroupRecords, TombstonesTakeEverythingAway) {
  ConsumerGroupState state;
  const std::vector<Golden> all = goldens();
  for (const Golden& g : all) {
    ASSERT_TRUE(state.apply(g.key, ByteView(*g.ours.value)));
  }
  EXPECT_FALSE(state.is_blank());
  for (auto g = all.rbegin(); g != all.rend(); ++g) ASSERT_TRUE(state.apply(g->key, std::nullopt));
  EXPECT_TRUE(state.is_blank());
  EXPECT_TRUE(state == ConsumerGroupState());
  for (const Golden& g : all) EXPECT_TRUE(state.apply(g.key, std::nullopt)) << "of what is gone";
}

TEST(ConsumerGroupRecords, RecordsOfKafka40AreSkipped) {
  ConsumerGroupState state;
  const Bytes key = from_hex("0004000167");
  const auto read = read_consumer_key(key);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kind, Kind::kPartitionMetadata);
  const Bytes value = from_hex("00000100");
  EXPECT_TRUE(state.apply(*read, ByteView(value)));
  EXPECT_TRUE(state.is_blank());
}

TEST(ConsumerGroupRecords, EveryTruncationIsRefusedAndChangesNothing) {
  for (const Golden& g : goldens()) {
    SCOPED_TRACE(g.name);
    for (std::size_t size = 0; size < g.ours.key.size(); ++size) {
      EXPECT_FALSE(read_consumer_key(ByteView(g.ours.key).first(size)));
    }
    ConsumerGroupState state;
    for (std::size_t size = 0; size < g.ours.value->size(); ++size) {
      const auto applied = state.apply(g.key, ByteView(*g.ours.value).first(size));
      ASSERT_FALSE(applied) << "cut at " << size;
      EXPECT_EQ(applied.error().code, Code::kInvalid);
    }
    EXPECT_TRUE(state.is_blank());
  }
}

TEST(ConsumerGroupRecords, LaterVersionsAndOtherKindsAreRefused) {
  for (const Golden& g : goldens()) {
    SCOPED_TRACE(g.name);
    Bytes later = *g.ours.value;
    later[1] = std::byte{1};
    ConsumerGroupState state;
    const auto applied = state.apply(g.key, ByteView(later));
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::kUnsupported);
  }
  const Bytes other = from_hex("0002000167");
  EXPECT_EQ(read_consumer_key(other).error().code, Code::kUnsupported);
  EXPECT_FALSE(is_consumer_record(2));
  EXPECT_FALSE(is_consumer_record(9));
  EXPECT_FALSE(is_consumer_record(11));
  EXPECT_TRUE(is_consumer_record(16));
}

TEST(ConsumerGroupRecords, EpochsThatDoNotGoWithThePartitionsAreRefused) {
  const ConsumerRecordKey key{Kind::kCurrentMember, "g", "m"};
  const auto record = consumer_record(
      key, ConsumerGroupCurrentMemberValue{
               .member_epoch = 1,
               .assigned_partitions = {{.topic_id = topic_id(),
                                        .partitions = {0, 1},
                                        .assignment_epochs = std::vector<std::int32_t>{1}}}});
  ConsumerGroupState state;
  EXPECT_EQ(state.apply(key, ByteView(*record->value)).error().code, Code::kInvalid);
}

TEST(ConsumerGroupRecords, StatesOfALaterVersionAreReadAsUnknown) {
  const ConsumerRecordKey key{Kind::kCurrentMember, "g", "m"};
  const auto record =
      consumer_record(key, ConsumerGroupCurrentMemberValue{.member_epoch = 1, .state = 42});
  ConsumerGroupState state;
  ASSERT_TRUE(state.apply(key, ByteView(*record->value)));
  EXPECT_EQ(state.find("m")->progress.state, MemberState::kUnknown);
}

}  // namespace
}  // namespace stele::groups
