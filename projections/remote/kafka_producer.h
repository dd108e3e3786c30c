// Appends events to a cluster as records: headers as docs/events.md has them.
// Thread: any; one append at a time, in order.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "log/event_store/event_store.h"
#include "log/events/event_record.h"
#include "projections/remote/kafka_client.h"
#include "projections/remote/kafka_source.h"

namespace stele::projections {

class KafkaProducer {
public:
  static Result<std::unique_ptr<KafkaProducer>> open(const KafkaOptions& options);

  /// All acknowledged when it returns. After an error some of them may be: see delivery_failed().
  Result<void> append(const std::vector<log::TopicEvent>& events, std::int64_t now_ms);

private:
  /// What became of the records of one append. Kept until librdkafka has told of each.
  struct Deliveries {
    std::string brokers;
    std::size_t waiting = 0;
    std::optional<Error> failure;  ///< the first
  };

  static void take_callbacks(rd_kafka_conf_t* conf);
  static void delivered(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);
  Result<void> send(const log::TopicEvent& event, std::int64_t now_ms, Deliveries& deliveries);

  std::mutex mutex_;
  KafkaOptions options_;
  std::shared_ptr<KafkaClient> client_;
  log::EventEncoder encoder_;
};

}  // namespace stele::projections
