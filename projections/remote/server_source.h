// A Stele server as a source.
//
//   order         inputs           flow                        tokens
//   by position   one, the store   gRPC: packed subscription   the store's own, as appends answer
//   by partition  each partition   Kafka protocol              places in partitions (kafka_source.h)
//
// By position is the same order at every replay, over all topics, and may be resumed from an
// append's token (at_least). By partition is several times faster to read and can be shared between
// instances (assignments.h); a fold keyed by stream gives the same states as long as a stream's
// events stand in one partition, as they do unless clients of different partitioners wrote them.
// Both have keyed reads, expectations and conditions, over gRPC: events().
//
// Topic ids are not told over gRPC: those of answers are zero. Records come as events: a header
// that a producer wrote in its own order comes in the order of docs/events.md.
// Effects are appended each once: by their ids, as in the server's store.
// Threads: as Source.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "log/base/error.h"
#include "log/env/env.h"
#include "projections/remote/kafka_source.h"
#include "projections/sources/source.h"

namespace stele::projections {

enum class ServerOrder : std::uint8_t { kByPosition, kByPartition };

struct ServerOptions {
  std::string grpc = "localhost:8093";
  KafkaOptions kafka = {.brokers = "localhost:9092"};  ///< by partition
  ServerOrder order = ServerOrder::kByPosition;
  std::chrono::milliseconds answer_within{10'000};
};

/// Does not ask the server yet. kInvalid names a Kafka setting. `env` outlives it.
Result<std::unique_ptr<Source>> open_server_source(ServerOptions options, Env& env);

}  // namespace stele::projections
