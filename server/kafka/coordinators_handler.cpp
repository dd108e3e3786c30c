// FindCoordinator: this node keeps every group. The first to ask has the groups' topic made.
#include "server/kafka/handlers.h"
#include "server/kafka/wire/coordinators.h"

namespace stele::kafka {

namespace {

constexpr std::int16_t kManyFrom = 4;
enum class KeyType : std::int8_t { kGroup = 0, kTransaction = 1, kShare = 2 };

struct Place {
  ErrorCode error = ErrorCode::kNone;
  std::string message{};
  std::int32_t node_id = -1;
  server::HostPort address{"", static_cast<std::uint16_t>(0)};
};

/// Transactions: fatal to the client at once, as everywhere that a transactional id turns up.
Place refusal(std::int8_t key_type) {
  switch (static_cast<KeyType>(key_type)) {
    case KeyType::kGroup:
      return {};
    case KeyType::kTransaction:
      return {.error = ErrorCode::kTransactionalIdAuthorizationFailed,
              .message = "transactions are not served"};
    case KeyType::kShare:
      return {.error = ErrorCode::kInvalidRequest, .message = "share groups are not served"};
  }
  return {.error = ErrorCode::kInvalidRequest, .message = "no such kind of coordinator"};
}

void answer_place(Broker& broker, const Request& request, const std::vector<std::string>& keys,
                  const Place& place) {
  broker.metrics.count_error(request.api, place.error);
  const auto port = place.node_id < 0 ? -1 : std::int32_t{place.address.port};
  const auto message =
      place.error == ErrorCode::kNone ? std::nullopt : std::optional(place.message);
  FindCoordinatorResponse response;
  response.node_id = place.node_id;
  response.host = place.address.host;
  response.port = port;
  response.error_code = place.error;
  response.error_message = message;
  if (request.version >= kManyFrom) {
    for (const std::string& key : keys) {
      response.coordinators.push_back({.key = key,
                                       .node_id = place.node_id,
                                       .host = place.address.host,
                                       .port = port,
                                       .error_code = place.error,
                                       .error_message = message});
    }
  }
  answer(request, response, broker.env.now());
}

}  // namespace

Next handle_find_coordinator(Broker& broker, Request request, const Client& client) {
  const auto asked = read_body<FindCoordinatorRequest>(request);
  if (!asked) return Next::kClose;
  const std::vector<std::string> keys(asked->coordinator_keys.begin(),
                                      asked->coordinator_keys.end());
  Place place = refusal(asked->key_type);
  request.let_go_of_frame();
  if (place.error != ErrorCode::kNone) {
    answer_place(broker, request, keys, place);
    return Next::kGoOn;
  }
  place.node_id = broker.options.node_id;
  place.address = broker.advertised_to(client);
  broker.coordinator.when_ready([&broker, request, keys, place](const Result<void>& ready) {
    if (ready) return answer_place(broker, request, keys, place);
    answer_place(broker, request, keys,
                 {.error = ErrorCode::kCoordinatorNotAvailable, .message = ready.error().detail});
  });
  return Next::kGoOn;
}

}  // namespace stele::kafka
