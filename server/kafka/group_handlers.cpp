// JoinGroup, SyncGroup, Heartbeat, LeaveGroup, ConsumerGroupHeartbeat: the coordinator decides,
// here it is only asked.
#include "server/kafka/handlers.h"
#include "server/kafka/wire/consumer_groups.h"
#include "server/kafka/wire/groups.h"

namespace stele::kafka {

namespace {

template <class M>
void answer_counted(Broker& broker, const Request& request, const M& response) {
  broker.metrics.count_error(request.api, response.error_code);
  answer(request, response, broker.env.now());
}

/// As Kafka writes it: an address without its port.
std::string host_of(const Client& client) {
  return "/" + client.peer.substr(0, client.peer.rfind(':'));
}

}  // namespace

Next handle_join_group(Broker& broker, Request request, const Client& client) {
  const auto asked = read_body<JoinGroupRequest>(request);
  if (!asked) return Next::kClose;
  const std::string host = host_of(client);
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.join(
      {.request = *asked,
       .version = request.version,
       .client_id = request.client_id,
       .client_host = host},
      [&broker, waiting = std::move(waiting)](const JoinGroupResponse& response) {
        answer_counted(broker, waiting, response);
      });
  return Next::kGoOn;
}

Next handle_sync_group(Broker& broker, Request request) {
  const auto asked = read_body<SyncGroupRequest>(request);
  if (!asked) return Next::kClose;
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.sync(
      *asked, [&broker, waiting = std::move(waiting)](const SyncGroupResponse& response) {
        answer_counted(broker, waiting, response);
      });
  return Next::kGoOn;
}

Next handle_heartbeat(Broker& broker, const Request& request) {
  const auto asked = read_body<HeartbeatRequest>(request);
  if (!asked) return Next::kClose;
  HeartbeatResponse response;
  response.error_code = broker.coordinator.heartbeat(*asked);
  answer_counted(broker, request, response);
  return Next::kGoOn;
}

Next handle_leave_group(Broker& broker, Request request) {
  constexpr std::int16_t kMembersFrom = 3;
  auto asked = read_body<LeaveGroupRequest>(request);
  if (!asked) return Next::kClose;
  const bool is_one = request.version < kMembersFrom;
  if (is_one) asked->members.push_back({.member_id = asked->member_id});
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.leave(
      *asked, [&broker, is_one, waiting = std::move(waiting)](const LeaveGroupResponse& response) {
        LeaveGroupResponse answered = response;
        if (is_one && !answered.members.empty()) {
          answered.error_code = answered.members.front().error_code;
        }
        answer_counted(broker, waiting, answered);
      });
  return Next::kGoOn;
}

Next handle_consumer_group_heartbeat(Broker& broker, Request request, const Client& client) {
  const auto asked = read_body<ConsumerGroupHeartbeatRequest>(request);
  if (!asked) return Next::kClose;
  const std::string host = host_of(client);
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.heartbeat(
      *asked, {.version = request.version, .client_id = request.client_id, .client_host = host},
      [&broker, waiting = std::move(waiting)](const ConsumerGroupHeartbeatResponse& response) {
        answer_counted(broker, waiting, response);
      });
  return Next::kGoOn;
}

}  // namespace stele::kafka
