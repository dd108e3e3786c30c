// There are no groups: FindCoordinator is answered, with an error, because librdkafka before 2.11
// sends lz4 batches uncompressed to a broker that does not advertise it (its feature test).
#include "server/kafka/handlers.h"
#include "server/kafka/wire/coordinators.h"

namespace stele::kafka {

namespace {

constexpr std::int16_t kManyFrom = 4;
// Retriable, and so quiet: a consumer that assigns partitions itself asks too if it has a group id,
// and takes any other error for one of its own.
constexpr ErrorCode kError = ErrorCode::kCoordinatorNotAvailable;
constexpr const char* kWhy = "consumer groups are not served: assign partitions instead";

}  // namespace

Next handle_find_coordinator(Broker& broker, const Request& request) {
  const auto asked = read<FindCoordinatorRequest>(request.version, request.body);
  if (!asked) return Next::kClose;
  broker.metrics.count_error(request.api, kError);
  FindCoordinatorResponse response;
  response.node_id = -1;
  response.port = -1;
  response.error_code = kError;
  response.error_message = kWhy;
  if (request.version >= kManyFrom) {
    for (const std::string_view key : asked->coordinator_keys) {
      response.coordinators.push_back({.key = std::string(key),
                                       .node_id = -1,
                                       .host = {},
                                       .port = -1,
                                       .error_code = kError,
                                       .error_message = kWhy});
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
