// DescribeGroups, ListGroups and DeleteGroups (keys 15, 16, 42): groups seen from outside.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct DescribeGroupsRequest {
  std::vector<std::string_view> groups;
  bool include_authorized_operations = false;

  using Self = DescribeGroupsRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeGroups;
  static constexpr Message kMessage = message_of(kApi, "DescribeGroupsRequest");
  static constexpr auto kFields =
      fields(field<&Self::groups>(from(0)), field<&Self::include_authorized_operations>(from(3)));
};

struct DescribedGroupMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  ByteView member_metadata;    ///< viewed until the response is written
  ByteView member_assignment;  ///< viewed until the response is written

  using Self = DescribedGroupMember;
  static constexpr auto kFields = fields(
      field<&Self::member_id>(from(0)), field<&Self::group_instance_id>(from(4)).nullable(from(4)),
      field<&Self::client_id>(from(0)), field<&Self::client_host>(from(0)),
      field<&Self::member_metadata>(from(0)), field<&Self::member_assignment>(from(0)));
};

struct DescribedGroup {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string group_state;
  std::string protocol_type;
  std::string protocol_data;
  std::vector<DescribedGroupMember> members;
  std::int32_t authorized_operations = std::numeric_limits<std::int32_t>::min();

  using Self = DescribedGroup;
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(6)).nullable(from(6)),
      field<&Self::group_id>(from(0)), field<&Self::group_state>(from(0)),
      field<&Self::protocol_type>(from(0)), field<&Self::protocol_data>(from(0)),
      field<&Self::members>(from(0)), field<&Self::authorized_operations>(from(3)));
};

struct DescribeGroupsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DescribedGroup> groups;

  using Self = DescribeGroupsResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeGroups;
  static constexpr Message kMessage = message_of(kApi, "DescribeGroupsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::groups>(from(0)));
};

struct ListGroupsRequest {
  std::vector<std::string_view> states_filter;  ///< empty: all
  std::vector<std::string_view> types_filter;   ///< empty: all

  using Self = ListGroupsRequest;
  static constexpr ApiKey kApi = ApiKey::kListGroups;
  static constexpr Message kMessage = message_of(kApi, "ListGroupsRequest");
  static constexpr auto kFields =
      fields(field<&Self::states_filter>(from(4)), field<&Self::types_filter>(from(5)));
};

struct ListedGroup {
  std::string group_id;
  std::string protocol_type;
  std::string group_state;
  std::string group_type;

  using Self = ListedGroup;
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(0)), field<&Self::protocol_type>(from(0)),
             field<&Self::group_state>(from(4)), field<&Self::group_type>(from(5)));
};

struct ListGroupsResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ListedGroup> groups;

  using Self = ListGroupsResponse;
  static constexpr ApiKey kApi = ApiKey::kListGroups;
  static constexpr Message kMessage = message_of(kApi, "ListGroupsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(from(0)),
             field<&Self::groups>(from(0)));
};

struct DeleteGroupsRequest {
  std::vector<std::string_view> groups_names;

  using Self = DeleteGroupsRequest;
  static constexpr ApiKey kApi = ApiKey::kDeleteGroups;
  static constexpr Message kMessage = message_of(kApi, "DeleteGroupsRequest");
  static constexpr auto kFields = fields(field<&Self::groups_names>(from(0)));
};

struct DeletedGroup {
  std::string group_id;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = DeletedGroup;
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(0)), field<&Self::error_code>(from(0)));
};

struct DeleteGroupsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DeletedGroup> results;

  using Self = DeleteGroupsResponse;
  static constexpr ApiKey kApi = ApiKey::kDeleteGroups;
  static constexpr Message kMessage = message_of(kApi, "DeleteGroupsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::results>(from(0)));
};

}  // namespace stele::kafka
