#include "server/groups/consumer_group_records.h"

#include <utility>

#include "server/kafka/wire/walk.h"

namespace stele::groups {
namespace {

using kafka::Reader;
using kafka::Slot;
using kafka::Writer;

bool has_name(ConsumerRecordKind kind) {
  return kind == ConsumerRecordKind::kMember || kind == ConsumerRecordKind::kTargetMember ||
         kind == ConsumerRecordKind::kCurrentMember || kind == ConsumerRecordKind::kRegex;
}

bool read_text(Reader& reader, std::string_view& out) {
  std::optional<std::string_view> text;
  if (!reader.text(Slot{}, text)) return false;
  out = *text;  // the slot is not nullable
  return true;
}

Result<Bytes> key_bytes(const ConsumerRecordKey& key) {
  Writer out;
  const bool ok = out.fixed(static_cast<std::int16_t>(key.kind)) &&
                  out.text(Slot{}, key.group_id) &&
                  (!has_name(key.kind) || out.text(Slot{}, key.name));
  if (!ok) return std::unexpected(out.error("consumer group key", 0));
  return std::move(out).bare().flat();
}

}  // namespace

bool is_consumer_record(std::int16_t kind) {
  return (kind >= static_cast<std::int16_t>(ConsumerRecordKind::kGroup) &&
          kind <= static_cast<std::int16_t>(ConsumerRecordKind::kCurrentMember)) ||
         kind == static_cast<std::int16_t>(ConsumerRecordKind::kRegex);
}

Result<ConsumerRecordKey> read_consumer_key(ByteView key) {
  Reader reader(key);
  std::int16_t kind = 0;
  if (!reader.fixed(kind)) return std::unexpected(reader.error("consumer group key", 0));
  if (!is_consumer_record(kind)) {
    return fail(Code::kUnsupported, "a key of kind {} is not a consumer group's", kind);
  }
  ConsumerRecordKey out{.kind = static_cast<ConsumerRecordKind>(kind)};
  const bool ok =
      read_text(reader, out.group_id) && (!has_name(out.kind) || read_text(reader, out.name));
  if (!ok) return std::unexpected(reader.error("consumer group key", 0));
  if (!reader.rest().empty()) {
    return fail(Code::kInvalid, "consumer group key: {} bytes after its end", reader.rest().size());
  }
  return out;
}

template <class Value>
Result<Value> read_consumer_value(ByteView value) {
  if (value.size() < sizeof(std::int16_t)) {
    return fail(Code::kInvalid, "{}: no version in front", Value::kMessage.name);
  }
  const auto version = load_be<std::int16_t>(value.data());
  return kafka::read<Value>(version, value.subspan(sizeof version));
}

template <class Value>
Result<GroupRecord> consumer_record(const ConsumerRecordKey& key, const Value& value) {
  STELE_TRY(Bytes key_part, key_bytes(key));
  Writer out;
  (void)out.fixed(std::int16_t{0});
  STELE_DO(kafka::write(out, 0, value));
  return GroupRecord{std::move(key_part), std::move(out).bare().flat()};
}

Result<GroupRecord> consumer_tombstone(const ConsumerRecordKey& key) {
  STELE_TRY(Bytes key_part, key_bytes(key));
  return GroupRecord{std::move(key_part), std::nullopt};
}

#define STELE_CONSUMER_RECORD(Value)                                 \
  template Result<Value> read_consumer_value<Value>(ByteView value); \
  template Result<GroupRecord> consumer_record<Value>(const ConsumerRecordKey&, const Value&)

STELE_CONSUMER_RECORD(ConsumerGroupMetadataValue);
STELE_CONSUMER_RECORD(ConsumerGroupMemberValue);
STELE_CONSUMER_RECORD(ConsumerGroupTargetEpochValue);
STELE_CONSUMER_RECORD(ConsumerGroupTargetMemberValue);
STELE_CONSUMER_RECORD(ConsumerGroupCurrentMemberValue);
STELE_CONSUMER_RECORD(ConsumerGroupRegexValue);

}  // namespace stele::groups
