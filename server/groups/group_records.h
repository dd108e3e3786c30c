// The records of `__consumer_offsets` that classic groups and offsets are kept in, byte for byte as
// Kafka 4.3 writes and reads them (its tools decode ours).
//
//   key    int16 kind | fields, never flexible        kind 1 (or 0, before Kafka 4): an offset
//                                                     kind 2: a classic group
//                                                     kinds 3 … : groups of KIP-848, not here
//   value  int16 version | fields, flexible from v4
//
// Written: OffsetCommitValue v4 (v1 with an expiry of its own), GroupMetadataValue v3. Read: all.
// Thread: any; nothing here has state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/uuid.h"
#include "server/groups/group_record.h"
#include "server/kafka/wire/schema.h"

namespace stele::groups {

using kafka::between;
using kafka::field;
using kafka::fields;
using kafka::from;
using kafka::tagged;

inline constexpr std::int16_t kLegacyOffsetKind = 0;
inline constexpr std::int16_t kOffsetKind = 1;
inline constexpr std::int16_t kGroupKind = 2;
inline constexpr std::int16_t kConsumerGroupKind = 3;

/// Views the record's bytes.
struct OffsetCommitKey {
  std::string_view group;
  std::string_view topic;
  std::int32_t partition = 0;

  using Self = OffsetCommitKey;
  static constexpr kafka::Message kMessage{"OffsetCommitKey", {0, 0}};
  static constexpr auto kFields = fields(field<&Self::group>(from(0)), field<&Self::topic>(from(0)),
                                         field<&Self::partition>(from(0)));
};

struct OffsetCommitValue {
  std::int64_t offset = 0;
  std::int32_t leader_epoch = -1;
  std::string_view metadata;
  std::int64_t commit_timestamp = 0;
  std::int64_t expire_timestamp = -1;  ///< -1: by the service's retention
  Uuid topic_id;                       ///< zero: not known

  using Self = OffsetCommitValue;
  static constexpr kafka::Message kMessage{"OffsetCommitValue", {0, 4}, 4};
  static constexpr auto kFields =
      fields(field<&Self::offset>(from(0)), field<&Self::leader_epoch>(from(3)),
             field<&Self::metadata>(from(0)), field<&Self::commit_timestamp>(from(0)),
             field<&Self::expire_timestamp>(between(1, 1)), tagged<&Self::topic_id>(0, from(4)));
};

struct GroupMetadataKey {
  std::string_view group;

  using Self = GroupMetadataKey;
  static constexpr kafka::Message kMessage{"GroupMetadataKey", {0, 0}};
  static constexpr auto kFields = fields(field<&Self::group>(from(0)));
};

struct MemberMetadata {
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::string_view client_id;
  std::string_view client_host;
  std::int32_t rebalance_timeout = -1;
  std::int32_t session_timeout = 0;
  ByteView subscription;
  ByteView assignment;

  using Self = MemberMetadata;
  static constexpr auto kFields = fields(
      field<&Self::member_id>(from(0)), field<&Self::group_instance_id>(from(3)).nullable(from(3)),
      field<&Self::client_id>(from(0)), field<&Self::client_host>(from(0)),
      field<&Self::rebalance_timeout>(from(1)), field<&Self::session_timeout>(from(0)),
      field<&Self::subscription>(from(0)), field<&Self::assignment>(from(0)));
};

struct GroupMetadataValue {
  std::string_view protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string_view> protocol;
  std::optional<std::string_view> leader;
  std::int64_t current_state_timestamp = -1;
  std::vector<MemberMetadata> members;

  using Self = GroupMetadataValue;
  static constexpr kafka::Message kMessage{"GroupMetadataValue", {0, 4}, 4};
  static constexpr auto kFields =
      fields(field<&Self::protocol_type>(from(0)), field<&Self::generation>(from(0)),
             field<&Self::protocol>(from(0)).nullable(from(0)),
             field<&Self::leader>(from(0)).nullable(from(0)),
             field<&Self::current_state_timestamp>(from(2)), field<&Self::members>(from(0)));
};

/// What every key begins with: enough to know whose it is.
struct RecordKey {
  std::int16_t kind = 0;
  std::string_view group;
};

/// kInvalid if the bytes are not such a thing; the detail names the field.
[[nodiscard]] Result<RecordKey> read_record_key(ByteView key);
[[nodiscard]] Result<OffsetCommitKey> read_offset_key(ByteView key);
[[nodiscard]] Result<OffsetCommitValue> read_offset_value(ByteView value);
[[nodiscard]] Result<GroupMetadataValue> read_group_value(ByteView value);

/// kInvalid: a text over 32,767 bytes.
[[nodiscard]] Result<GroupRecord> offset_record(const OffsetCommitKey& key,
                                                const OffsetCommitValue& value);
[[nodiscard]] Result<GroupRecord> offset_tombstone(const OffsetCommitKey& key);
[[nodiscard]] Result<GroupRecord> group_record(std::string_view group,
                                               const GroupMetadataValue& value);
[[nodiscard]] Result<GroupRecord> group_tombstone(std::string_view group);

/// Topics that a member of protocol type "consumer" subscribes to, read from its metadata as far as
/// all versions agree. Views `metadata`; kInvalid if it is something else.
[[nodiscard]] Result<std::vector<std::string_view>> subscribed_topics(ByteView metadata);

}  // namespace stele::groups
