// What steled can be told, and where each value came from: flag > STELE_* variable > INI file >
// default. One table (settings.cpp) makes the flags, the variables, the help, --print-config and
// what DescribeConfigs says of the broker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "log/base/error.h"

namespace stele::app {

struct Settings {
  std::string data;
  std::string kafka_listen;
  std::string kafka_advertised;
  std::string http_listen;
  std::string grpc_listen;  ///< empty: no gRPC
  bool insecure = false;
  std::int32_t node_id = 1;
  bool auto_create_topics = true;
  std::int32_t default_partitions = 1;
  std::int64_t connections_max = 0;
  std::int64_t connections_per_ip_max = 0;
  std::unordered_map<std::string, std::size_t> connections_per_ip_overrides;  ///< by address
  std::int64_t connection_rate_max = 0;
  std::int64_t fetch_sessions_max = 0;
  std::int64_t quota_samples = 0;
  std::int64_t quota_sample_seconds = 0;
  std::int64_t request_bytes_max = 0;
  std::int64_t fetch_bytes_max = 0;
  std::int64_t memory_bytes_max = 0;
  std::int64_t idle_ms_max = 0;
  std::int64_t http_connections_max = 0;
  std::int64_t http_body_bytes_max = 0;
  std::int64_t http_request_ms_max = 0;
  std::int64_t http_idle_ms_max = 0;
  std::int64_t http_followers_max = 0;
  bool clamp_replication = false;
  std::int64_t journal_bytes_max = 0;
  std::int64_t queued_bytes_max = 0;
  std::int32_t group_initial_delay_ms = 0;
  std::int32_t group_session_ms_min = 0;
  std::int32_t group_session_ms_max = 0;
  std::int64_t group_members_max = 0;
  std::int32_t offsets_partitions = 0;
  std::int32_t offsets_retention_minutes = 0;
  std::int64_t offsets_retention_check_ms = 0;
  std::int32_t offset_metadata_bytes_max = 0;
  std::int64_t compaction_memory_bytes = 0;
  std::int64_t compaction_bytes_per_second_max = 0;
  std::int64_t compaction_interval_ms = 0;
  std::string flush;  ///< adaptive, uring or thread
  bool direct = true;
  std::string log_level;
};

enum class Source : std::uint8_t { kDefault, kFile, kVariable, kFlag };

[[nodiscard]] std::string_view name(Source source);

/// A row of the table with the value in force.
struct SettingInForce {
  std::string_view name;
  std::string_view kafka_name;  ///< empty: Kafka has no such setting
  std::string_view default_value;
  std::string_view documentation;
  std::string value;
  Source source = Source::kDefault;
};

struct ParsedSettings {
  enum class Action : std::uint8_t { kRun, kHelp, kVersion, kPrintConfig };
  Action action = Action::kRun;
  Settings settings;
  std::vector<SettingInForce> in_force;
};

/// `variables` is the process environment. kInvalid names the setting, its value and its source.
[[nodiscard]] Result<ParsedSettings> parse_settings(std::span<const char* const> arguments,
                                                    const char* const* variables);

[[nodiscard]] std::string help_text();
[[nodiscard]] std::string config_text(std::span<const SettingInForce> in_force);

}  // namespace stele::app
