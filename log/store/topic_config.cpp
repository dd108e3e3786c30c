#include "log/store/topic_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "log/base/fail.h"

namespace stele::log {
namespace {

using enum SettingType;

// Sorted by name. Kafka's names and types; defaults are Kafka's but where an event store needs
// others (retention.ms).
constexpr std::array kTable = {
    SettingInfo{"cleanup.policy", kList, "delete",
                "How old records go: delete, by retention; compact, all but the last of each key; "
                "or both."},
    SettingInfo{"compression.type", kString, "producer",
                "Batches are stored as the producer compressed them; only 'producer' is served."},
    SettingInfo{"delete.retention.ms", kLong, "86400000",
                "How long the tombstone of a key (a null value) stays in a compacted topic after "
                "the first compaction that met it."},
    SettingInfo{"file.delete.delay.ms", kLong, "60000",
                "Kafka waits so long before it removes a file; Stele removes at once, readers keep "
                "what they hold."},
    SettingInfo{"flush.messages", kLong, "1",
                "Kafka flushes after so many records; Stele flushes before every acknowledgement, "
                "whatever is set."},
    SettingInfo{"flush.ms", kLong, "0",
                "Kafka flushes after so long; Stele flushes before every acknowledgement, whatever "
                "is set."},
    SettingInfo{"index.interval.bytes", kInt, "4096",
                "Distance of Kafka's index entries; Stele indexes every batch."},
    SettingInfo{"max.compaction.lag.ms", kLong, "9223372036854775807",
                "A segment of a compacted topic is closed and compacted when it was begun so long "
                "ago, however little of the log is dirty."},
    SettingInfo{"max.message.bytes", kInt, "1048588",
                "Largest record batch, as the producer sends it."},
    SettingInfo{"message.timestamp.after.max.ms", kLong, "3600000",
                "How far a record's timestamp may be ahead of the service's clock."},
    SettingInfo{"message.timestamp.before.max.ms", kLong, "9223372036854775807",
                "How far a record's timestamp may be behind the service's clock."},
    SettingInfo{"message.timestamp.type", kString, "CreateTime",
                "CreateTime: the producer's; LogAppendTime: the service's."},
    SettingInfo{"min.cleanable.dirty.ratio", kDouble, "0.5",
                "A partition is compacted when more than this share of its closed segments was "
                "not compacted before."},
    SettingInfo{"min.compaction.lag.ms", kLong, "0",
                "Records younger than this are not compacted."},
    SettingInfo{"min.insync.replicas", kInt, "1", "One node, one copy: 1."},
    SettingInfo{"preallocate", kBoolean, "false", "Stele takes disk space ahead in any case."},
    SettingInfo{"retention.bytes", kLong, "-1",
                "Oldest segments go when a partition is larger; -1: no limit."},
    SettingInfo{"retention.ms", kLong, "-1",
                "Segments go when their newest record is older; -1: kept for ever."},
    SettingInfo{"segment.bytes", kInt, "1073741824", "A segment file grows up to here."},
    SettingInfo{"segment.index.bytes", kInt, "10485760",
                "Size of Kafka's index files; Stele's grow with their segment."},
    SettingInfo{"segment.jitter.ms", kLong, "0",
                "Without effect: segments of different partitions roll at different times anyway."},
    SettingInfo{"segment.ms", kLong, "604800000",
                "A segment that is older is closed at the next append."},
    SettingInfo{
        "stele.index", kBoolean, "true",
        "Events are found by stream, type and tag; said when the topic is created, for good."},
    SettingInfo{"unclean.leader.election.enable", kBoolean, "false",
                "One node: there is no election."},
};

struct Range {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
};
constexpr std::size_t kValueBytesMax =
    64;  // no setting needs more; the catalogue's events stay small
constexpr std::array kRanges = {
    Range{"delete.retention.ms", 0, INT64_MAX},
    Range{"file.delete.delay.ms", 0, INT64_MAX},
    Range{"flush.messages", 1, INT64_MAX},
    Range{"flush.ms", 0, INT64_MAX},
    Range{"index.interval.bytes", 0, INT32_MAX},
    Range{"max.compaction.lag.ms", 1, INT64_MAX},
    Range{"max.message.bytes", 0, INT32_MAX},
    Range{"message.timestamp.after.max.ms", 0, INT64_MAX},
    Range{"message.timestamp.before.max.ms", 0, INT64_MAX},
    Range{"min.compaction.lag.ms", 0, INT64_MAX},
    Range{"min.insync.replicas", 1, 1},
    Range{"retention.bytes", -1, INT64_MAX},
    Range{"retention.ms", -1, INT64_MAX},
    Range{"segment.bytes", 1024, INT32_MAX},
    Range{"segment.index.bytes", 4, INT32_MAX},
    Range{"segment.jitter.ms", 0, INT64_MAX},
    Range{"segment.ms", 1, INT64_MAX},
};

Result<std::int64_t> parse_integer(std::string_view name, std::string_view value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    return fail(Code::kInvalid, "Invalid value {} for configuration {}: Not a number of type LONG",
                value, name);
  }
  const auto range = std::ranges::find(kRanges, name, &Range::name);
  if (range != kRanges.end() && (number < range->least || number > range->most)) {
    return fail(Code::kInvalid,
                "Invalid value {} for configuration {}: Value must be between {} and {}", value,
                name, range->least, range->most);
  }
  return number;
}

Result<void> check_choice(std::string_view name, std::string_view value,
                          std::span<const std::string_view> served,
                          std::span<const std::string_view> known) {
  if (std::ranges::find(served, value) != served.end()) return {};
  const bool is_known = std::ranges::find(known, value) != known.end();
  return fail(is_known ? Code::kUnsupported : Code::kInvalid,
              "Invalid value {} for configuration {}: {}", value, name,
              is_known ? "not served by this version" : "no such choice");
}

Result<void> check_text(std::string_view name, std::string_view value) {
  using View = std::string_view;
  static constexpr std::array<View, 2> kBooleans = {"true", "false"};
  static constexpr std::array<View, 1> kCompressions = {"producer"};
  static constexpr std::array<View, 5> kKnownCompressions = {"uncompressed", "gzip", "snappy",
                                                             "lz4", "zstd"};
  static constexpr std::array<View, 2> kTimes = {"CreateTime", "LogAppendTime"};
  if (name == "compression.type")
    return check_choice(name, value, kCompressions, kKnownCompressions);
  if (name == "message.timestamp.type") return check_choice(name, value, kTimes, {});
  return check_choice(name, value, kBooleans, {});
}

// Names in any order, blanks around them, none twice being worth a word.
Result<CleanupPolicy> parse_policy(std::string_view value) {
  unsigned policy = 0;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    std::string_view one = value.substr(at, comma - at);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one != "delete" && one != "compact") {
      return fail(Code::kInvalid,
                  "Invalid value {} for configuration cleanup.policy: String must be one of: "
                  "compact, delete",
                  value);
    }
    policy |=
        static_cast<unsigned>(one == "delete" ? CleanupPolicy::kDelete : CleanupPolicy::kCompact);
    at = comma + 1;
  }
  return static_cast<CleanupPolicy>(policy);
}

Result<double> parse_ratio(std::string_view name, std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || !(number >= 0 && number <= 1)) {
    return fail(Code::kInvalid,
                "Invalid value {} for configuration {}: Value must be between 0 and 1", value,
                name);
  }
  return number;
}

Result<void> apply_text(TopicConfig& config, const SettingInfo& info, std::string_view value) {
  if (info.name == "cleanup.policy") {
    STELE_TRY(config.cleanup_policy, parse_policy(value));
  } else if (info.type == kDouble) {
    STELE_TRY(config.min_cleanable_dirty_ratio, parse_ratio(info.name, value));
  } else {
    STELE_DO(check_text(info.name, value));
    if (info.name == "stele.index") config.indexed = value == "true";
    if (info.name == "message.timestamp.type") config.log_append_time = value == "LogAppendTime";
  }
  return {};
}

void apply(TopicConfig& config, std::string_view name, std::int64_t value) {
  if (name == "retention.ms") config.retention_ms = value;
  if (name == "retention.bytes") config.retention_bytes = value;
  if (name == "segment.bytes") config.segment_bytes = value;
  if (name == "segment.ms") config.segment_ms = value;
  if (name == "min.compaction.lag.ms") config.min_compaction_lag_ms = value;
  if (name == "max.compaction.lag.ms") config.max_compaction_lag_ms = value;
  if (name == "delete.retention.ms") config.delete_retention_ms = value;
  if (name == "max.message.bytes") config.max_message_bytes = static_cast<std::int32_t>(value);
  if (name == "message.timestamp.before.max.ms") config.timestamp_before_max_ms = value;
  if (name == "message.timestamp.after.max.ms") config.timestamp_after_max_ms = value;
}

}  // namespace

std::span<const SettingInfo> topic_setting_table() {
  return kTable;
}

Result<TopicConfig> TopicConfig::parse(const TopicSettings& settings) {
  TopicConfig config;
  for (const auto& [name, value] : settings) {
    const auto info = std::ranges::find(kTable, std::string_view(name), &SettingInfo::name);
    if (info == kTable.end()) return fail(Code::kNotFound, "Unknown topic config name: {}", name);
    if (value.size() > kValueBytesMax)
      return fail(Code::kInvalid, "Invalid value for configuration {}: {} characters are too many",
                  name, value.size());
    if (info->type == kInt || info->type == kLong) {
      STELE_TRY(const std::int64_t number, parse_integer(name, value));
      apply(config, name, number);
    } else {
      STELE_DO(apply_text(config, *info, value));
    }
  }
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms) {
    return fail(Code::kInvalid,
                "conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms "
                "({})",
                config.min_compaction_lag_ms, config.max_compaction_lag_ms);
  }
  return config;
}

}  // namespace stele::log
