// Fetched records as events: a lot keeps librdkafka's messages, and its views lead into them.
// Thread: made by the reader's; immutable then, and destroyed by any.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "log/format/records.h"
#include "projections/remote/kafka_client.h"
#include "projections/sources/source.h"

namespace stele::projections {

class KafkaLot final : public Lot {
public:
  /// `fetched_by` owns what the messages refer to; they are the lot's from here on. All are records
  /// of `from`.
  KafkaLot(std::shared_ptr<const void> fetched_by, const InputId& from,
           std::span<rd_kafka_message_t* const> messages);
  ~KafkaLot() override;

private:
  void add_headers(const rd_kafka_message_t& message);

  std::shared_ptr<const void> fetched_by_;  ///< goes last
  std::vector<rd_kafka_message_t*> messages_;
  std::vector<InputEvent> events_;
  std::vector<HeaderView> headers_;
};

}  // namespace stele::projections
