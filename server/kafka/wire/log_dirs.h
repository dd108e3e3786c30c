// DescribeLogDirs (key 35): how many bytes each partition has on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct DescribeLogDirsRequestTopic {
  std::string_view topic;
  std::vector<std::int32_t> partitions;

  using Self = DescribeLogDirsRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic>(from(0)), field<&Self::partitions>(from(0)));
};

struct DescribeLogDirsRequest {
  /// null: all
  std::optional<std::vector<DescribeLogDirsRequestTopic>> topics =
      std::vector<DescribeLogDirsRequestTopic>{};

  using Self = DescribeLogDirsRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeLogDirs;
  static constexpr Message kMessage = message_of(kApi, "DescribeLogDirsRequest");
  static constexpr auto kFields = fields(field<&Self::topics>(from(0)).nullable(from(0)));
};

struct DescribedLogDirPartition {
  std::int32_t partition = 0;
  std::int64_t partition_size = 0;
  std::int64_t offset_lag = 0;
  bool is_future_key = false;  ///< being moved here from another folder

  using Self = DescribedLogDirPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::partition_size>(from(0)),
             field<&Self::offset_lag>(from(0)), field<&Self::is_future_key>(from(0)));
};

struct DescribedLogDirTopic {
  std::string name;
  std::vector<DescribedLogDirPartition> partitions;

  using Self = DescribedLogDirTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct DescribedLogDir {
  ErrorCode error_code = ErrorCode::kNone;
  std::string log_dir;
  std::vector<DescribedLogDirTopic> topics;
  std::int64_t total_bytes = -1;
  std::int64_t usable_bytes = -1;
  bool is_cordoned = false;

  using Self = DescribedLogDir;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::log_dir>(from(0)),
             field<&Self::topics>(from(0)), field<&Self::total_bytes>(from(4)),
             field<&Self::usable_bytes>(from(4)), field<&Self::is_cordoned>(from(5)));
};

struct DescribeLogDirsResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<DescribedLogDir> results;

  using Self = DescribeLogDirsResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeLogDirs;
  static constexpr Message kMessage = message_of(kApi, "DescribeLogDirsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(3)),
             field<&Self::results>(from(0)));
};

}  // namespace stele::kafka
