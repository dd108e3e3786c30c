// DescribeClientQuotas and AlterClientQuotas (keys 48, 49): limits by user, client id and address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct ClientQuotaFilter {
  std::string_view entity_type;
  std::int8_t match_type = 0;                  ///< 0 this name, 1 the default, 2 any name given
  std::optional<std::string_view> match = "";  ///< the name; null otherwise

  using Self = ClientQuotaFilter;
  static constexpr auto kFields =
      fields(field<&Self::entity_type>(from(0)), field<&Self::match_type>(from(0)),
             field<&Self::match>(from(0)).nullable(from(0)));
};

struct DescribeClientQuotasRequest {
  std::vector<ClientQuotaFilter> components;
  /// no entity with parts that the filter does not name
  bool strict = false;

  using Self = DescribeClientQuotasRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeClientQuotas;
  static constexpr Message kMessage = message_of(kApi, "DescribeClientQuotasRequest");
  static constexpr auto kFields =
      fields(field<&Self::components>(from(0)), field<&Self::strict>(from(0)));
};

struct DescribedQuotaEntity {
  std::string entity_type;
  std::optional<std::string> entity_name = "";  ///< null: the default of its type

  using Self = DescribedQuotaEntity;
  static constexpr auto kFields = fields(field<&Self::entity_type>(from(0)),
                                         field<&Self::entity_name>(from(0)).nullable(from(0)));
};

struct DescribedQuotaValue {
  std::string key;
  double value = 0;

  using Self = DescribedQuotaValue;
  static constexpr auto kFields = fields(field<&Self::key>(from(0)), field<&Self::value>(from(0)));
};

struct DescribedClientQuota {
  std::vector<DescribedQuotaEntity> entity;
  std::vector<DescribedQuotaValue> values;

  using Self = DescribedClientQuota;
  static constexpr auto kFields =
      fields(field<&Self::entity>(from(0)), field<&Self::values>(from(0)));
};

struct DescribeClientQuotasResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::optional<std::vector<DescribedClientQuota>> entries = std::vector<DescribedClientQuota>{};

  using Self = DescribeClientQuotasResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeClientQuotas;
  static constexpr Message kMessage = message_of(kApi, "DescribeClientQuotasResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)),
             field<&Self::entries>(from(0)).nullable(from(0)));
};

struct AlterQuotaEntity {
  std::string_view entity_type;
  std::optional<std::string_view> entity_name = "";  ///< null: the default of its type

  using Self = AlterQuotaEntity;
  static constexpr auto kFields = fields(field<&Self::entity_type>(from(0)),
                                         field<&Self::entity_name>(from(0)).nullable(from(0)));
};

struct AlterQuotaOperation {
  std::string_view key;
  double value = 0;
  bool remove = false;

  using Self = AlterQuotaOperation;
  static constexpr auto kFields = fields(field<&Self::key>(from(0)), field<&Self::value>(from(0)),
                                         field<&Self::remove>(from(0)));
};

struct AlterClientQuota {
  std::vector<AlterQuotaEntity> entity;
  std::vector<AlterQuotaOperation> ops;

  using Self = AlterClientQuota;
  static constexpr auto kFields = fields(field<&Self::entity>(from(0)), field<&Self::ops>(from(0)));
};

struct AlterClientQuotasRequest {
  std::vector<AlterClientQuota> entries;
  bool validate_only = false;

  using Self = AlterClientQuotasRequest;
  static constexpr ApiKey kApi = ApiKey::kAlterClientQuotas;
  static constexpr Message kMessage = message_of(kApi, "AlterClientQuotasRequest");
  static constexpr auto kFields =
      fields(field<&Self::entries>(from(0)), field<&Self::validate_only>(from(0)));
};

struct AlteredQuotaEntity {
  std::string entity_type;
  std::optional<std::string> entity_name = "";

  using Self = AlteredQuotaEntity;
  static constexpr auto kFields = fields(field<&Self::entity_type>(from(0)),
                                         field<&Self::entity_name>(from(0)).nullable(from(0)));
};

struct AlteredClientQuota {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<AlteredQuotaEntity> entity;

  using Self = AlteredClientQuota;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)), field<&Self::entity>(from(0)));
};

struct AlterClientQuotasResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<AlteredClientQuota> entries;

  using Self = AlterClientQuotasResponse;
  static constexpr ApiKey kApi = ApiKey::kAlterClientQuotas;
  static constexpr Message kMessage = message_of(kApi, "AlterClientQuotasResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::entries>(from(0)));
};

}  // namespace stele::kafka
