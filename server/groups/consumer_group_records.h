// The records of `__consumer_offsets` that a group of KIP-848 is kept in, byte for byte as
// Kafka 4.3 writes and reads them.
//
//   key    int16 kind | group id [| member id or regular expression]     never flexible
//   value  int16 0    | fields                                            always flexible
//
//   kind  3  group epoch and hash of what it subscribes to     6  assignment epoch and its time
//         5  a member's metadata and subscription              7  a member's target
//         4  no longer written; skipped                        8  what a member holds and gives up
//        16  the topics that a regular expression matches
//
// Texts are views: of the record that was read, or of the state that is written.
// Thread: any; nothing here has state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "log/base/error.h"
#include "log/base/uuid.h"
#include "server/groups/group_record.h"
#include "server/kafka/wire/schema.h"

namespace stele::groups {

enum class ConsumerRecordKind : std::int16_t {
  kGroup = 3,
  kPartitionMetadata = 4,
  kMember = 5,
  kTargetEpoch = 6,
  kTargetMember = 7,
  kCurrentMember = 8,
  kRegex = 16,
};

struct ConsumerRecordKey {
  ConsumerRecordKind kind = ConsumerRecordKind::kGroup;
  std::string_view group_id;
  std::string_view name;  ///< member id or regular expression; empty where the kind has none
};

struct ConsumerGroupMetadataValue {
  std::int32_t epoch = 0;
  std::int64_t metadata_hash = 0;

  using Self = ConsumerGroupMetadataValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupMetadataValue", {0, 0}, 0};
  static constexpr auto kFields =
      kafka::fields(kafka::field<&Self::epoch>(kafka::from(0)),
                    kafka::tagged<&Self::metadata_hash>(0, kafka::from(0)));
};

struct ClassicProtocolValue {
  std::string_view name;
  ByteView metadata;

  using Self = ClassicProtocolValue;
  static constexpr auto kFields = kafka::fields(kafka::field<&Self::name>(kafka::from(0)),
                                                kafka::field<&Self::metadata>(kafka::from(0)));
  friend bool operator==(const Self& a, const Self& b) {
    return a.name == b.name && as_text(a.metadata) == as_text(b.metadata);
  }
};

/// Kept by Kafka of a member that speaks the classic protocol; read, never written.
struct ClassicMemberValue {
  std::int32_t session_timeout_ms = 0;
  std::vector<ClassicProtocolValue> supported_protocols;

  using Self = ClassicMemberValue;
  static constexpr auto kFields =
      kafka::fields(kafka::field<&Self::session_timeout_ms>(kafka::from(0)),
                    kafka::field<&Self::supported_protocols>(kafka::from(0)));
  friend bool operator==(const Self&, const Self&) = default;
};

struct ConsumerGroupMemberValue {
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> rack_id;
  std::string_view client_id;
  std::string_view client_host;
  std::vector<std::string_view> subscribed_topic_names;
  std::optional<std::string_view> subscribed_topic_regex;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string_view> server_assignor;
  std::optional<ClassicMemberValue> classic_member_metadata;

  using Self = ConsumerGroupMemberValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupMemberMetadataValue", {0, 0}, 0};
  static constexpr auto kFields = kafka::fields(
      kafka::field<&Self::instance_id>(kafka::from(0)).nullable(kafka::from(0)),
      kafka::field<&Self::rack_id>(kafka::from(0)).nullable(kafka::from(0)),
      kafka::field<&Self::client_id>(kafka::from(0)),
      kafka::field<&Self::client_host>(kafka::from(0)),
      kafka::field<&Self::subscribed_topic_names>(kafka::from(0)),
      kafka::field<&Self::subscribed_topic_regex>(kafka::from(0)).nullable(kafka::from(0)),
      kafka::field<&Self::rebalance_timeout_ms>(kafka::from(0)),
      kafka::field<&Self::server_assignor>(kafka::from(0)).nullable(kafka::from(0)),
      kafka::tagged<&Self::classic_member_metadata>(0, kafka::from(0)).nullable(kafka::from(0)));
};

struct ConsumerGroupTargetEpochValue {
  std::int32_t assignment_epoch = 0;
  std::int64_t assignment_timestamp = 0;  ///< ms since 1970; 0: not known

  using Self = ConsumerGroupTargetEpochValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupTargetAssignmentMetadataValue", {0, 0}, 0};
  static constexpr auto kFields =
      kafka::fields(kafka::field<&Self::assignment_epoch>(kafka::from(0)),
                    kafka::tagged<&Self::assignment_timestamp>(0, kafka::from(0)));
};

struct TargetTopicValue {
  Uuid topic_id;
  std::vector<std::int32_t> partitions;

  using Self = TargetTopicValue;
  static constexpr auto kFields = kafka::fields(kafka::field<&Self::topic_id>(kafka::from(0)),
                                                kafka::field<&Self::partitions>(kafka::from(0)));
};

struct ConsumerGroupTargetMemberValue {
  std::vector<TargetTopicValue> topic_partitions;

  using Self = ConsumerGroupTargetMemberValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupTargetAssignmentMemberValue", {0, 0}, 0};
  static constexpr auto kFields =
      kafka::fields(kafka::field<&Self::topic_partitions>(kafka::from(0)));
};

struct CurrentTopicValue {
  Uuid topic_id;
  std::vector<std::int32_t> partitions;
  /// In which member epoch each was assigned (since Kafka 4.3); none: in the member's own.
  std::optional<std::vector<std::int32_t>> assignment_epochs;

  using Self = CurrentTopicValue;
  static constexpr auto kFields = kafka::fields(
      kafka::field<&Self::topic_id>(kafka::from(0)),
      kafka::field<&Self::partitions>(kafka::from(0)),
      kafka::tagged<&Self::assignment_epochs>(0, kafka::from(0)).nullable(kafka::from(0)));
};

struct ConsumerGroupCurrentMemberValue {
  std::int32_t member_epoch = 0;
  std::int32_t previous_member_epoch = 0;
  std::int8_t state = 0;
  std::vector<CurrentTopicValue> assigned_partitions;
  std::vector<CurrentTopicValue> partitions_pending_revocation;

  using Self = ConsumerGroupCurrentMemberValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupCurrentMemberAssignmentValue", {0, 0}, 0};
  static constexpr auto kFields =
      kafka::fields(kafka::field<&Self::member_epoch>(kafka::from(0)),
                    kafka::field<&Self::previous_member_epoch>(kafka::from(0)),
                    kafka::field<&Self::state>(kafka::from(0)),
                    kafka::field<&Self::assigned_partitions>(kafka::from(0)),
                    kafka::field<&Self::partitions_pending_revocation>(kafka::from(0)));
};

struct ConsumerGroupRegexValue {
  std::vector<std::string_view> topics;
  std::int64_t version = 0;
  std::int64_t timestamp = 0;

  using Self = ConsumerGroupRegexValue;
  static constexpr kafka::Message kMessage{"ConsumerGroupRegularExpressionValue", {0, 0}, 0};
  static constexpr auto kFields = kafka::fields(kafka::field<&Self::topics>(kafka::from(0)),
                                                kafka::field<&Self::version>(kafka::from(0)),
                                                kafka::field<&Self::timestamp>(kafka::from(0)));
};

/// True for the kinds above.
[[nodiscard]] bool is_consumer_record(std::int16_t kind);
/// kUnsupported for a kind that is not above, kInvalid if the bytes are not such a key.
[[nodiscard]] Result<ConsumerRecordKey> read_consumer_key(ByteView key);
/// A value with its version in front, for each of the structs above. kUnsupported for a later
/// version, kInvalid if the bytes are not such a value; the detail names the field.
template <class Value>
[[nodiscard]] Result<Value> read_consumer_value(ByteView value);

/// kInvalid: a text over 32,767 bytes.
template <class Value>
[[nodiscard]] Result<GroupRecord> consumer_record(const ConsumerRecordKey& key, const Value& value);
[[nodiscard]] Result<GroupRecord> consumer_tombstone(const ConsumerRecordKey& key);

}  // namespace stele::groups
