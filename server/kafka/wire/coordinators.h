// FindCoordinator (key 10): which broker keeps a group's state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct FindCoordinatorRequest {
  std::string_view key;
  std::int8_t key_type = 0;  ///< 0 group, 1 transaction, 2 share group
  std::vector<std::string_view> coordinator_keys;

  using Self = FindCoordinatorRequest;
  static constexpr ApiKey kApi = ApiKey::kFindCoordinator;
  static constexpr Message kMessage = message_of(kApi, "FindCoordinatorRequest");
  static constexpr auto kFields =
      fields(field<&Self::key>(between(0, 3)), field<&Self::key_type>(from(1)),
             field<&Self::coordinator_keys>(from(4)));
};

struct FindCoordinatorResponseCoordinator {
  std::string key;
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";

  using Self = FindCoordinatorResponseCoordinator;
  static constexpr auto kFields = fields(field<&Self::key>(from(4)), field<&Self::node_id>(from(4)),
                                         field<&Self::host>(from(4)), field<&Self::port>(from(4)),
                                         field<&Self::error_code>(from(4)),
                                         field<&Self::error_message>(from(4)).nullable(from(4)));
};

struct FindCoordinatorResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::vector<FindCoordinatorResponseCoordinator> coordinators;

  using Self = FindCoordinatorResponse;
  static constexpr ApiKey kApi = ApiKey::kFindCoordinator;
  static constexpr Message kMessage = message_of(kApi, "FindCoordinatorResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(between(0, 3)),
             field<&Self::error_message>(between(1, 3)).nullable(between(1, 3)),
             field<&Self::node_id>(between(0, 3)), field<&Self::host>(between(0, 3)),
             field<&Self::port>(between(0, 3)), field<&Self::coordinators>(from(4)));
};

}  // namespace stele::kafka
