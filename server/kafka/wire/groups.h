// JoinGroup, SyncGroup, Heartbeat and LeaveGroup (keys 11, 14, 12, 13): the classic group
// protocol. What members tell each other through their group is opaque bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct JoinGroupRequestProtocol {
  std::string_view name;
  ByteView metadata;

  using Self = JoinGroupRequestProtocol;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::metadata>(from(0)));
};

struct JoinGroupRequest {
  std::string_view group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;  ///< -1: the session timeout counts
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;  ///< static members only
  std::string_view protocol_type;
  std::vector<JoinGroupRequestProtocol> protocols;  ///< in the order of the member's preference
  std::optional<std::string_view> reason;

  using Self = JoinGroupRequest;
  static constexpr ApiKey kApi = ApiKey::kJoinGroup;
  static constexpr Message kMessage = message_of(kApi, "JoinGroupRequest");
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(0)), field<&Self::session_timeout_ms>(from(0)),
             field<&Self::rebalance_timeout_ms>(from(1)), field<&Self::member_id>(from(0)),
             field<&Self::group_instance_id>(from(5)).nullable(from(5)),
             field<&Self::protocol_type>(from(0)), field<&Self::protocols>(from(0)),
             field<&Self::reason>(from(8)).nullable(from(8)));
};

struct JoinGroupResponseMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  ByteView metadata;  ///< viewed until the response is written

  using Self = JoinGroupResponseMember;
  static constexpr auto kFields = fields(field<&Self::member_id>(from(0)),
                                         field<&Self::group_instance_id>(from(5)).nullable(from(5)),
                                         field<&Self::metadata>(from(0)));
};

struct JoinGroupResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name = "";
  std::string leader;
  /// the leader is one again after a restart: nothing to assign
  bool skip_assignment = false;
  std::string member_id;
  std::vector<JoinGroupResponseMember> members;  ///< for the leader only

  using Self = JoinGroupResponse;
  static constexpr ApiKey kApi = ApiKey::kJoinGroup;
  static constexpr Message kMessage = message_of(kApi, "JoinGroupResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(2)), field<&Self::error_code>(from(0)),
      field<&Self::generation_id>(from(0)), field<&Self::protocol_type>(from(7)).nullable(from(7)),
      field<&Self::protocol_name>(from(0)).nullable(from(7)), field<&Self::leader>(from(0)),
      field<&Self::skip_assignment>(from(9)), field<&Self::member_id>(from(0)),
      field<&Self::members>(from(0)));
};

struct SyncGroupRequestAssignment {
  std::string_view member_id;
  ByteView assignment;

  using Self = SyncGroupRequestAssignment;
  static constexpr auto kFields =
      fields(field<&Self::member_id>(from(0)), field<&Self::assignment>(from(0)));
};

struct SyncGroupRequest {
  std::string_view group_id;
  std::int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  std::vector<SyncGroupRequestAssignment> assignments;  ///< from the leader only

  using Self = SyncGroupRequest;
  static constexpr ApiKey kApi = ApiKey::kSyncGroup;
  static constexpr Message kMessage = message_of(kApi, "SyncGroupRequest");
  static constexpr auto kFields = fields(
      field<&Self::group_id>(from(0)), field<&Self::generation_id>(from(0)),
      field<&Self::member_id>(from(0)), field<&Self::group_instance_id>(from(3)).nullable(from(3)),
      field<&Self::protocol_type>(from(5)).nullable(from(5)),
      field<&Self::protocol_name>(from(5)).nullable(from(5)), field<&Self::assignments>(from(0)));
};

struct SyncGroupResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  ByteView assignment;  ///< viewed until the response is written

  using Self = SyncGroupResponse;
  static constexpr ApiKey kApi = ApiKey::kSyncGroup;
  static constexpr Message kMessage = message_of(kApi, "SyncGroupResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(from(0)),
      field<&Self::protocol_type>(from(5)).nullable(from(5)),
      field<&Self::protocol_name>(from(5)).nullable(from(5)), field<&Self::assignment>(from(0)));
};

struct HeartbeatRequest {
  std::string_view group_id;
  std::int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;

  using Self = HeartbeatRequest;
  static constexpr ApiKey kApi = ApiKey::kHeartbeat;
  static constexpr Message kMessage = message_of(kApi, "HeartbeatRequest");
  static constexpr auto kFields = fields(
      field<&Self::group_id>(from(0)), field<&Self::generation_id>(from(0)),
      field<&Self::member_id>(from(0)), field<&Self::group_instance_id>(from(3)).nullable(from(3)));
};

struct HeartbeatResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = HeartbeatResponse;
  static constexpr ApiKey kApi = ApiKey::kHeartbeat;
  static constexpr Message kMessage = message_of(kApi, "HeartbeatResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(from(0)));
};

struct LeaveGroupRequestMember {
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::optional<std::string_view> reason;

  using Self = LeaveGroupRequestMember;
  static constexpr auto kFields = fields(field<&Self::member_id>(from(3)),
                                         field<&Self::group_instance_id>(from(3)).nullable(from(3)),
                                         field<&Self::reason>(from(5)).nullable(from(5)));
};

struct LeaveGroupRequest {
  std::string_view group_id;
  std::string_view member_id;                    ///< up to v2
  std::vector<LeaveGroupRequestMember> members;  ///< from v3

  using Self = LeaveGroupRequest;
  static constexpr ApiKey kApi = ApiKey::kLeaveGroup;
  static constexpr Message kMessage = message_of(kApi, "LeaveGroupRequest");
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(0)), field<&Self::member_id>(between(0, 2)),
             field<&Self::members>(from(3)));
};

struct LeaveGroupResponseMember {
  std::string member_id;
  std::optional<std::string> group_instance_id = "";
  ErrorCode error_code = ErrorCode::kNone;

  using Self = LeaveGroupResponseMember;
  static constexpr auto kFields = fields(field<&Self::member_id>(from(3)),
                                         field<&Self::group_instance_id>(from(3)).nullable(from(3)),
                                         field<&Self::error_code>(from(3)));
};

struct LeaveGroupResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<LeaveGroupResponseMember> members;

  using Self = LeaveGroupResponse;
  static constexpr ApiKey kApi = ApiKey::kLeaveGroup;
  static constexpr Message kMessage = message_of(kApi, "LeaveGroupResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(from(0)),
             field<&Self::members>(from(3)));
};

}  // namespace stele::kafka
