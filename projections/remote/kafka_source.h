// Any Kafka cluster as a source, through librdkafka: Apache Kafka, Redpanda, or a Stele server's
// Kafka listener. Read committed.
//
//   STELE_TRY(auto source, open_kafka_source({.brokers = "localhost:9092"}, env));
//
// Each partition is an input, its places are offsets: lots are of one partition, in offset order.
// Aborted and control records take offsets and are no events: `next` passes over them. Between
// partitions there is no order: a fold keyed by stream sees the same events of a key at every
// replay, in the same order, one over keys of several partitions or topics does not.
//
// Events of a lot are views into what librdkafka fetched, which the lot keeps: nothing is copied.
// Position and recorded time are the offset and the event time, a cluster knows no other ones.
// What a broker that is away would answer is waited for; a lot without events says so.
//
// append(): an idempotent producer, acks=all, keys spread as Kafka's own clients do; durable as the
// cluster's min.insync.replicas has it. kOutcomeUnknown: it may be there, and will be twice if it
// is appended again. Tokens name a place of each partition; they say nothing of which cluster.
//
// Threads: as Source.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/base/error.h"
#include "log/env/env.h"
#include "projections/sources/source.h"

namespace stele::projections {

struct KafkaOptions {
  std::string brokers;  ///< host:port,…
  /// librdkafka's own (CONFIGURATION.md), such as security.protocol; they win over ours.
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::chrono::milliseconds answer_within{10'000};  ///< a call that asks the cluster, an append
  std::size_t lot_events_max = 8192;
  /// Of a reader: keys and values fetched ahead, all partitions together. librdkafka takes about
  /// 450 bytes more for each event.
  std::size_t fetched_bytes_max = 16 << 20;
};

/// Does not ask the cluster yet. kInvalid names the setting. `env` outlives it: the time of events
/// that bring none.
Result<std::unique_ptr<Source>> open_kafka_source(KafkaOptions options, Env& env);

}  // namespace stele::projections
