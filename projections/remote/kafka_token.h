// Checkpoints of a Kafka cluster as text: "k1." and base64url, without padding, of
//
//   the checkpoint (Checkpoint::encode) | crc-32c of it u32, little-endian
//
// Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "log/base/error.h"
#include "projections/fold/checkpoint.h"

namespace stele::projections {

[[nodiscard]] std::string encode_kafka_token(const Checkpoint& checkpoint);
/// kInvalid: not what encode_kafka_token() made. Every place is one of a partition.
[[nodiscard]] Result<Checkpoint> decode_kafka_token(std::string_view token);

}  // namespace stele::projections
