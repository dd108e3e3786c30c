// librdkafka's C handles as C++ owners, its settings, and its errors as ours. Internal to this
// folder and its tests: public headers here do not show librdkafka.
//
// Thread: handles are librdkafka's, any; a KafkaClient's errors are told by poll(), to its caller.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/base/error.h"

namespace stele::projections {

template <auto kDestroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const {
    kDestroy(handle);
  }
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using KafkaFailure = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;
using KafkaPartitions = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                        Destroy<rd_kafka_topic_partition_list_destroy>>;
using KafkaMetadata =
    std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;

/// Names and values of librdkafka's CONFIGURATION.md.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

/// What a caller can do about it. Of a record that may have been written see delivery_failed().
[[nodiscard]] Code code_of(rd_kafka_resp_err_t error);
/// "kafka localhost:9092: topic orders: Broker: Unknown topic or partition".
[[nodiscard]] Error kafka_error(rd_kafka_resp_err_t error, std::string_view where);
/// Why a record was not acknowledged: kOutcomeUnknown if it may stand in the log all the same.
[[nodiscard]] Error delivery_failed(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status,
                                    std::string_view where);

/// A producer or consumer. Silent: what librdkafka would log is kept for messages.
class KafkaClient {
public:
  /// kInvalid names the setting that librdkafka does not take. `with`: sets callbacks; may be null.
  static Result<std::shared_ptr<KafkaClient>> open(rd_kafka_type_t type,
                                                   const KafkaSettings& settings,
                                                   void (*with)(rd_kafka_conf_t*) = nullptr);
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;
  ~KafkaClient();

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  /// Serves callbacks. The error is a fatal one: the client is of no use any more.
  Result<void> poll(std::chrono::milliseconds longest);
  /// What went wrong last, of what is tried again: why something is not there yet. May be empty.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  /// Partition count of each topic. kNotFound names the topic; kIo the brokers.
  Result<std::vector<std::int32_t>> partition_counts(const std::vector<std::string>& topics,
                                                     std::chrono::milliseconds longest);

private:
  KafkaClient() = default;

  rd_kafka_t* handle_ = nullptr;
  std::string brokers_;
  std::string trouble_;
};

/// Milliseconds as librdkafka's calls take them, never negative.
[[nodiscard]] int timeout_ms(std::chrono::nanoseconds longest);

}  // namespace stele::projections
