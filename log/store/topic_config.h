// Topic settings under Kafka's names. What a topic overrides is kept as text, as it was given;
// TopicConfig is the typed view that the log works with. The table of all settings is what
// DescribeConfigs answers from.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "log/base/error.h"

namespace stele::log {

/// Overrides by setting name, e.g. {"retention.ms", "604800000"}.
using TopicSettings = std::map<std::string, std::string, std::less<>>;

enum class SettingType : std::uint8_t { kBoolean, kInt, kLong, kDouble, kString, kList };

struct SettingInfo {
  std::string_view name;
  SettingType type;
  std::string_view default_value;
  std::string_view documentation;
};

/// Every topic setting there is, sorted by name.
[[nodiscard]] std::span<const SettingInfo> topic_setting_table();

enum class CleanupPolicy : std::uint8_t { kDelete = 1, kCompact = 2, kCompactAndDelete = 3 };

struct TopicConfig {
  std::int64_t retention_ms =
      -1;  ///< -1: for ever, fit for an event store (Kafka's default is 7 days)
  std::int64_t retention_bytes = -1;  ///< per partition; -1: no limit
  std::int64_t segment_bytes = 1 << 30;
  std::int64_t segment_ms = 604'800'000;
  std::int32_t max_message_bytes = 1'048'588;  ///< of one batch, compressed as it came
  CleanupPolicy cleanup_policy = CleanupPolicy::kDelete;
  bool indexed = true;           ///< stele.index: events are found by stream, type and tag
  bool log_append_time = false;  ///< message.timestamp.type=LogAppendTime
  std::int64_t timestamp_before_max_ms = INT64_MAX;
  std::int64_t timestamp_after_max_ms = 3'600'000;

  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = INT64_MAX;
  std::int64_t delete_retention_ms = 86'400'000;
  double min_cleanable_dirty_ratio = 0.5;

  [[nodiscard]] bool compacted() const { return cleanup_policy != CleanupPolicy::kDelete; }
  [[nodiscard]] bool deletes() const { return cleanup_policy != CleanupPolicy::kCompact; }
  /// The age at which a segment is closed: the active one is not compacted, so that a bound on how
  /// long records wait for compaction is one on its age as well.
  [[nodiscard]] std::int64_t segment_ms_max() const {
    return compacted() && max_compaction_lag_ms < segment_ms ? max_compaction_lag_ms : segment_ms;
  }

  /// The typed view of `settings` over the defaults. kInvalid names the setting, the value and what
  /// is allowed; kNotFound names a setting that does not exist; kUnsupported one that exists but is
  /// not served.
  static Result<TopicConfig> parse(const TopicSettings& settings);
};

}  // namespace stele::log
