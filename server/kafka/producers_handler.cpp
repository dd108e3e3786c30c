#include "server/kafka/handlers.h"
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

}  // namespace

Next handle_init_producer_id(Broker& broker, Request request) {
  const auto asked = read<InitProducerIdRequest>(request.version, request.body);
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
