// InitProducerId (key 22): an identity for idempotent and transactional producers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/uuid.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct InitProducerIdRequest {
  std::optional<std::string_view> transactional_id = "";  ///< null: idempotence only
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;

  using Self = InitProducerIdRequest;
  static constexpr ApiKey kApi = ApiKey::kInitProducerId;
  static constexpr Message kMessage = message_of(kApi, "InitProducerIdRequest");
  static constexpr auto kFields =
      fields(field<&Self::transactional_id>(from(0)).nullable(from(0)),
             field<&Self::transaction_timeout_ms>(from(0)), field<&Self::producer_id>(from(3)),
             field<&Self::producer_epoch>(from(3)));
};

struct InitProducerIdResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;

  using Self = InitProducerIdResponse;
  static constexpr ApiKey kApi = ApiKey::kInitProducerId;
  static constexpr Message kMessage = message_of(kApi, "InitProducerIdResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::producer_id>(from(0)), field<&Self::producer_epoch>(from(0)));
};

}  // namespace stele::kafka
