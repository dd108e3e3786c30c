#include "server/groups/group_records.h"

#include "server/kafka/wire/walk.h"

namespace stele::groups {

namespace {

constexpr std::int16_t kOffsetValueVersion = 4;
constexpr std::int16_t kExpiringOffsetValueVersion = 1;
constexpr std::int16_t kGroupValueVersion = 3;

/// What all keys of the topic begin with.
struct AnyKey {
  std::string_view group;

  using Self = AnyKey;
  static constexpr kafka::Message kMessage{"record key", {0, 0}};
  static constexpr auto kFields = fields(field<&Self::group>(from(0)));
};

/// The front of the consumer protocol's subscription, which every version shares.
struct Subscription {
  std::vector<std::string_view> topics;

  using Self = Subscription;
  static constexpr kafka::Message kMessage{"ConsumerProtocolSubscription", {0, 0}};
  static constexpr auto kFields = fields(field<&Self::topics>(from(0)));
};

Result<std::int16_t> take_number(ByteView& bytes) {
  if (bytes.size() < sizeof(std::int16_t)) return fail(Code::kInvalid, "no version in front");
  const auto number = load_be<std::int16_t>(bytes.data());
  bytes = bytes.subspan(sizeof number);
  return number;
}

template <class M>
Result<M> read_value(ByteView bytes) {
  STELE_TRY(const std::int16_t version, take_number(bytes));
  return kafka::read<M>(version, bytes);
}

template <class M>
Result<Bytes> prefixed(std::int16_t prefix, std::int16_t version, const M& message) {
  kafka::Writer out;
  (void)out.fixed(prefix);
  STELE_DO(kafka::write(out, version, message));
  return std::move(out).bare().flat();
}

template <class M>
Result<Bytes> value_bytes(std::int16_t version, const M& message) {
  return prefixed(version, version, message);
}

}  // namespace

Result<RecordKey> read_record_key(ByteView key) {
  STELE_TRY(const std::int16_t kind, take_number(key));
  STELE_TRY(const AnyKey any, kafka::read_prefix<AnyKey>(0, key));
  return RecordKey{kind, any.group};
}

Result<OffsetCommitKey> read_offset_key(ByteView key) {
  STELE_TRY(const std::int16_t kind, take_number(key));
  if (kind != kOffsetKind && kind != kLegacyOffsetKind) {
    return fail(Code::kInvalid, "a key of kind {} is not an offset's", kind);
  }
  return kafka::read<OffsetCommitKey>(0, key);
}

Result<OffsetCommitValue> read_offset_value(ByteView value) {
  return read_value<OffsetCommitValue>(value);
}

Result<GroupMetadataValue> read_group_value(ByteView value) {
  return read_value<GroupMetadataValue>(value);
}

Result<GroupRecord> offset_record(const OffsetCommitKey& key, const OffsetCommitValue& value) {
  STELE_TRY(Bytes key_bytes, prefixed(kOffsetKind, 0, key));
  const std::int16_t version =
      value.expire_timestamp >= 0 ? kExpiringOffsetValueVersion : kOffsetValueVersion;
  STELE_TRY(Bytes bytes, value_bytes(version, value));
  return GroupRecord{std::move(key_bytes), std::move(bytes)};
}

Result<GroupRecord> offset_tombstone(const OffsetCommitKey& key) {
  STELE_TRY(Bytes key_bytes, prefixed(kOffsetKind, 0, key));
  return GroupRecord{std::move(key_bytes), std::nullopt};
}

Result<GroupRecord> group_record(std::string_view group, const GroupMetadataValue& value) {
  STELE_TRY(Bytes key, prefixed(kGroupKind, 0, GroupMetadataKey{group}));
  STELE_TRY(Bytes bytes, value_bytes(kGroupValueVersion, value));
  return GroupRecord{std::move(key), std::move(bytes)};
}

Result<GroupRecord> group_tombstone(std::string_view group) {
  STELE_TRY(Bytes key, prefixed(kGroupKind, 0, GroupMetadataKey{group}));
  return GroupRecord{std::move(key), std::nullopt};
}

Result<std::vector<std::string_view>> subscribed_topics(ByteView metadata) {
  STELE_DO(take_number(metadata));
  STELE_TRY(Subscription subscription, kafka::read_prefix<Subscription>(0, metadata));
  return std::move(subscription.topics);
}

}  // namespace stele::groups
