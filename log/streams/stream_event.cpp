#include "log/streams/stream_event.h"

#include <charconv>

#include "log/base/fail.h"
#include "log/format/batch_builder.h"
#include "log/format/decompressor.h"
#include "log/format/records.h"

namespace stele::log {
namespace {

constexpr std::string_view kLimited = "stele.stream.limited";
constexpr std::string_view kTombstoned = "stele.stream.tombstoned";

Result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Code::kCorrupt, "stream rules: '{}' is not a number", text);
  return number;
}

Result<void> read_header(StreamRules& rules, const HeaderView& header) {
  const std::string_view value = as_text(header.value.value_or(ByteView{}));
  if (header.key == "ce_type") {
    if (value != kLimited && value != kTombstoned)
      return fail(Code::kCorrupt, "stream rules: unknown event type '{}'", value);
    rules.tombstoned = value == kTombstoned;
  } else if (header.key == "max_count") {
    STELE_TRY(rules.max_count, parse_number(value));
  } else if (header.key == "max_age_ms") {
    STELE_TRY(rules.max_age_ms, parse_number(value));
  } else if (header.key == "truncate_before") {
    STELE_TRY(const std::int64_t version, parse_number(value));
    rules.truncate_before = Version(version);
  }
  return {};
}

Result<StreamEvent> decode_record(const RecordView& record) {
  if (!record.key || record.key->size() < sizeof(Uuid))
    return fail(Code::kCorrupt, "stream rules: a record without a topic in its key");
  StreamEvent event{.topic = Uuid::load(record.key->data()), .key = {}, .rules = {}};
  const ByteView key = record.key->subspan(sizeof(Uuid));
  event.key.assign(key.begin(), key.end());
  if (!record.value) return event;
  HeaderReader headers(record.headers);
  while (headers.next()) STELE_DO(read_header(event.rules, headers.header()));
  STELE_DO(headers.finish());
  if (const auto legal = check_stream_rules(event.rules); !legal)
    return fail(Code::kCorrupt, "stream rules: {}", legal.error().detail);
  return event;
}

}  // namespace

Result<void> check_stream_rules(const StreamRules& rules) {
  if (rules.max_count && *rules.max_count < 1)
    return fail(Code::kInvalid, "max count is at least 1, not {}", *rules.max_count);
  if (rules.max_age_ms && *rules.max_age_ms < 1)
    return fail(Code::kInvalid, "max age is at least 1 ms, not {}", *rules.max_age_ms);
  if (rules.truncate_before && rules.truncate_before->raw() < 0)
    return fail(Code::kInvalid, "truncate before is a version, not {}",
                rules.truncate_before->raw());
  return {};
}

Result<Bytes> encode_stream_event(const StreamEvent& event, std::int64_t now_ms) {
  Bytes key(event.topic.bytes.begin(), event.topic.bytes.end());
  key.insert(key.end(), event.key.begin(), event.key.end());
  std::vector<std::pair<std::string_view, std::string>> fields;
  const StreamRules& rules = event.rules;
  fields.emplace_back("ce_type", rules.tombstoned ? kTombstoned : kLimited);
  if (rules.max_count) fields.emplace_back("max_count", std::to_string(*rules.max_count));
  if (rules.max_age_ms) fields.emplace_back("max_age_ms", std::to_string(*rules.max_age_ms));
  if (rules.truncate_before)
    fields.emplace_back("truncate_before", std::to_string(rules.truncate_before->raw()));
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : fields) headers.push_back({name, as_bytes(value)});
  BatchBuilder builder;
  STELE_DO(builder.add({.key = key,
                        .value = rules.empty() ? std::nullopt : std::optional(ByteView{}),
                        .headers = headers,
                        .timestamp_ms = now_ms}));
  return builder.finish();
}

Result<std::vector<StreamEvent>> decode_stream_events(ByteView batch) {
  STELE_TRY(const BatchHeader header, parse_batch_header(batch));
  if (header.control()) return std::vector<StreamEvent>{};
  Decompressor decompressor;
  STELE_TRY(const ByteView section,
            decompressor.decompress(static_cast<Codec>(header.codec_id()),
                                    batch.subspan(kBatchHeaderBytes), 1 << 28));
  RecordReader reader(header, section);
  std::vector<StreamEvent> events;
  while (reader.next()) {
    STELE_TRY(StreamEvent event, decode_record(reader.record()));
    events.push_back(std::move(event));
  }
  STELE_DO(reader.finish());
  return events;
}

}  // namespace stele::log
