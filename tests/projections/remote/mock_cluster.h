// librdkafka's own broker in this process: topics that clients produce to and fetch from over
// loopback. It knows no transactions. Thread: the test's.
#pragma once

#include <librdkafka/rdkafka.h>
// Needs what stands above.
#include <librdkafka/rdkafka_mock.h>

#include <memory>
#include <string>

#include "projections/remote/kafka_client.h"

namespace stele::projections {

class MockCluster {
public:
  MockCluster()
      : owner_(KafkaClient::open(RD_KAFKA_PRODUCER, {}).value()),
        cluster_(rd_kafka_mock_cluster_new(owner_->get(), 1)) {}
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }

  void create_topic(const std::string& name, int partition_count) {
    rd_kafka_mock_topic_create(cluster_, name.c_str(), partition_count, 1);
  }
  /// The next request of this kind (Kafka's number of it) is answered with `error`.
  void refuse_next(std::int16_t kind, rd_kafka_resp_err_t error) {
    rd_kafka_mock_push_request_errors(cluster_, kind, 1, error);
  }
  [[nodiscard]] std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

private:
  std::shared_ptr<KafkaClient> owner_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace stele::projections
