// Where leaders are, as produce and fetch answers tell it in tagged fields.
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

struct LeaderIdAndEpoch {
  std::int32_t leader_id = -1;
  std::int32_t leader_epoch = -1;

  using Self = LeaderIdAndEpoch;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::leader_id>(from(0)), field<&Self::leader_epoch>(from(0)));
};

struct NodeEndpoint {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  using Self = NodeEndpoint;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::node_id>(from(0)), field<&Self::host>(from(0)),
             field<&Self::port>(from(0)), field<&Self::rack>(from(0)).nullable(from(0)));
};

}  // namespace stele::kafka
