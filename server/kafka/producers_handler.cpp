#include "server/kafka/handlers.h"
#include "server/kafka/wire/describe_producers.h"
#include "server/kafka/wire/producers.h"

namespace stele::kafka {

namespace {

constexpr std::int32_t kBlock = 1000;  // ids reserved at a time, in one durable step

void answer_error(Broker& broker, const Request& request, ErrorCode error) {
  broker.metrics.count_error(request.api, error);
  InitProducerIdResponse response;
  response.error_code = error;
  response.producer_epoch = -1;
  answer(request, response, broker.env.now());
}

void answer_next_id(Broker& broker, const Request& request) {
  InitProducerIdResponse response;
  response.producer_id = broker.next_producer_id++;
  --broker.producer_ids_left;
  answer(request, response, broker.env.now());
}

/// Transactions are not served. Kafka's answer to a transactional id that may not be used is fatal
/// to the client, at once and with this name, where "retry" would have it wait for ever.
ErrorCode check(const InitProducerIdRequest& asked) {
  if (asked.transactional_id && asked.transactional_id->empty()) return ErrorCode::kInvalidRequest;
  if (asked.transactional_id) return ErrorCode::kTransactionalIdAuthorizationFailed;
  if ((asked.producer_id == -1) != (asked.producer_epoch == -1)) return ErrorCode::kInvalidRequest;
  return ErrorCode::kNone;
}

DescribeProducersResponsePartition described(const Broker& broker, const log::TopicPtr& topic,
                                             std::int32_t partition) {
  DescribeProducersResponsePartition answered;
  answered.partition = partition;
  const auto known = topic
                         ? broker.store.producers({topic->id, partition})
                         : Result<std::vector<log::ProducerInfo>>(std::vector<log::ProducerInfo>{});
  if (!topic || !known) {
    answered.error_code = topic ? error_code(known.error().code, AnswerTo::kAdmin)
                                : ErrorCode::kUnknownTopicOrPartition;
    return answered;
  }
  for (const log::ProducerInfo& producer : *known) {
    DescribedProducer& entry = answered.active_producers.emplace_back();
    entry.producer_id = producer.producer_id;
    entry.producer_epoch = producer.epoch;
    entry.last_sequence = producer.last_sequence;
    entry.last_timestamp = producer.recorded_us / 1000;
    entry.coordinator_epoch = -1;  // no transaction has ended here
  }
  return answered;
}

}  // namespace

Next handle_describe_producers(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeProducersRequest>(request);
  if (!asked) return Next::kClose;
  DescribeProducersResponse response;
  for (const DescribeProducersRequestTopic& topic : asked->topics) {
    DescribeProducersResponseTopic& answered = response.topics.emplace_back();
    answered.name = std::string(topic.name);
    const log::TopicPtr found = broker.store.find_topic(topic.name);
    for (const std::int32_t partition : topic.partition_indexes) {
      answered.partitions.push_back(described(broker, found, partition));
      broker.metrics.count_error(request.api, answered.partitions.back().error_code);
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_init_producer_id(Broker& broker, Request request) {
  const auto asked = read_body<InitProducerIdRequest>(request);
  if (!asked) return Next::kClose;
  if (const ErrorCode error = check(*asked); error != ErrorCode::kNone) {
    answer_error(broker, request, error);
    return Next::kGoOn;
  }
  if (broker.producer_ids_left > 0) {
    answer_next_id(broker, request);
    return Next::kGoOn;
  }
  request.let_go_of_frame();
  broker.store.reserve_producer_ids_async(
      kBlock, [&broker, request](const Result<std::int64_t>& first) {
        if (!first) {
          return answer_error(broker, request, error_code(first.error().code, AnswerTo::kAdmin));
        }
        broker.next_producer_id = *first;
        broker.producer_ids_left = kBlock;
        answer_next_id(broker, request);
      });
  return Next::kWait;
}

}  // namespace stele::kafka
