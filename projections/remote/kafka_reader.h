// Reads partitions of a cluster, each from its place, through a queue of its own: lots are of one
// partition without being sorted, and every partition gets its turn.
//
//   fetch thread ─► queue of p0 ─┐  non-empty: eventfd
//   (librdkafka's)  queue of p1 ─┴─► next(): the next queue that has something ─► lot
//
// Thread: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "projections/remote/kafka_client.h"
#include "projections/remote/kafka_source.h"

namespace stele::projections {

/// kNotFound names the topic. `brokers`: for messages.
Result<std::unique_ptr<SourceReader>> open_kafka_reader(const KafkaOptions& options,
                                                        const std::vector<InputId>& inputs,
                                                        const Checkpoint& from);

/// Settings that every client of these options has.
[[nodiscard]] KafkaSettings kafka_settings(const KafkaOptions& options);

}  // namespace stele::projections
