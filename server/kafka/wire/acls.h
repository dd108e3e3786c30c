// DescribeAcls, CreateAcls and DeleteAcls (keys 29, 30, 31): who may do what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct DescribeAclsRequest {
  std::int8_t resource_type_filter = 0;
  std::optional<std::string_view> resource_name_filter = "";
  std::int8_t pattern_type_filter = 3;  ///< 1 any, 2 match, 3 literal, 4 prefixed
  std::optional<std::string_view> principal_filter = "";
  std::optional<std::string_view> host_filter = "";
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  using Self = DescribeAclsRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeAcls;
  static constexpr Message kMessage = message_of(kApi, "DescribeAclsRequest");
  static constexpr auto kFields =
      fields(field<&Self::resource_type_filter>(from(0)),
             field<&Self::resource_name_filter>(from(0)).nullable(from(0)),
             field<&Self::pattern_type_filter>(from(1)),
             field<&Self::principal_filter>(from(0)).nullable(from(0)),
             field<&Self::host_filter>(from(0)).nullable(from(0)), field<&Self::operation>(from(0)),
             field<&Self::permission_type>(from(0)));
};

struct DescribedAcl {
  std::string principal;
  std::string host;
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  using Self = DescribedAcl;
  static constexpr auto kFields =
      fields(field<&Self::principal>(from(0)), field<&Self::host>(from(0)),
             field<&Self::operation>(from(0)), field<&Self::permission_type>(from(0)));
};

struct DescribedAclResource {
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::int8_t pattern_type = 3;
  std::vector<DescribedAcl> acls;

  using Self = DescribedAclResource;
  static constexpr auto kFields =
      fields(field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
             field<&Self::pattern_type>(from(1)), field<&Self::acls>(from(0)));
};

struct DescribeAclsResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<DescribedAclResource> resources;

  using Self = DescribeAclsResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeAcls;
  static constexpr Message kMessage = message_of(kApi, "DescribeAclsResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
      field<&Self::error_message>(from(0)).nullable(from(0)), field<&Self::resources>(from(0)));
};

struct AclCreation {
  std::int8_t resource_type = 0;
  std::string_view resource_name;
  std::int8_t resource_pattern_type = 3;
  std::string_view principal;
  std::string_view host;
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  using Self = AclCreation;
  static constexpr auto kFields =
      fields(field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
             field<&Self::resource_pattern_type>(from(1)), field<&Self::principal>(from(0)),
             field<&Self::host>(from(0)), field<&Self::operation>(from(0)),
             field<&Self::permission_type>(from(0)));
};

struct CreateAclsRequest {
  std::vector<AclCreation> creations;

  using Self = CreateAclsRequest;
  static constexpr ApiKey kApi = ApiKey::kCreateAcls;
  static constexpr Message kMessage = message_of(kApi, "CreateAclsRequest");
  static constexpr auto kFields = fields(field<&Self::creations>(from(0)));
};

struct AclCreationResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";

  using Self = AclCreationResult;
  static constexpr auto kFields = fields(field<&Self::error_code>(from(0)),
                                         field<&Self::error_message>(from(0)).nullable(from(0)));
};

struct CreateAclsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<AclCreationResult> results;

  using Self = CreateAclsResponse;
  static constexpr ApiKey kApi = ApiKey::kCreateAcls;
  static constexpr Message kMessage = message_of(kApi, "CreateAclsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::results>(from(0)));
};

struct DeleteAclsFilter {
  std::int8_t resource_type_filter = 0;
  std::optional<std::string_view> resource_name_filter = "";
  std::int8_t pattern_type_filter = 3;
  std::optional<std::string_view> principal_filter = "";
  std::optional<std::string_view> host_filter = "";
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  using Self = DeleteAclsFilter;
  static constexpr auto kFields =
      fields(field<&Self::resource_type_filter>(from(0)),
             field<&Self::resource_name_filter>(from(0)).nullable(from(0)),
             field<&Self::pattern_type_filter>(from(1)),
             field<&Self::principal_filter>(from(0)).nullable(from(0)),
             field<&Self::host_filter>(from(0)).nullable(from(0)), field<&Self::operation>(from(0)),
             field<&Self::permission_type>(from(0)));
};

struct DeleteAclsRequest {
  std::vector<DeleteAclsFilter> filters;

  using Self = DeleteAclsRequest;
  static constexpr ApiKey kApi = ApiKey::kDeleteAcls;
  static constexpr Message kMessage = message_of(kApi, "DeleteAclsRequest");
  static constexpr auto kFields = fields(field<&Self::filters>(from(0)));
};

struct DeletedAcl {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::int8_t pattern_type = 3;
  std::string principal;
  std::string host;
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  using Self = DeletedAcl;
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(0)).nullable(from(0)),
      field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
      field<&Self::pattern_type>(from(1)), field<&Self::principal>(from(0)),
      field<&Self::host>(from(0)), field<&Self::operation>(from(0)),
      field<&Self::permission_type>(from(0)));
};

struct DeleteAclsFilterResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<DeletedAcl> matching_acls;

  using Self = DeleteAclsFilterResult;
  static constexpr auto kFields = fields(field<&Self::error_code>(from(0)),
                                         field<&Self::error_message>(from(0)).nullable(from(0)),
                                         field<&Self::matching_acls>(from(0)));
};

struct DeleteAclsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DeleteAclsFilterResult> filter_results;

  using Self = DeleteAclsResponse;
  static constexpr ApiKey kApi = ApiKey::kDeleteAcls;
  static constexpr Message kMessage = message_of(kApi, "DeleteAclsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::filter_results>(from(0)));
};

}  // namespace stele::kafka
