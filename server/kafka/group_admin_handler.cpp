// DescribeGroups, ConsumerGroupDescribe, ListGroups, DeleteGroups.
#include "server/kafka/handlers.h"
#include "server/kafka/wire/consumer_groups.h"
#include "server/kafka/wire/group_admin.h"

namespace stele::kafka {

namespace {

/// An answer for many groups, sent when the last of them is known.
struct DeleteGroupsCall {
  Broker& broker;
  Request request;
  DeleteGroupsResponse response{};
  std::size_t waiting = 0;
};

void finish(const DeleteGroupsCall& call) {
  for (const DeletedGroup& group : call.response.results) {
    call.broker.metrics.count_error(call.request.api, group.error_code);
  }
  answer(call.request, call.response, call.broker.env.now());
}

}  // namespace

Next handle_describe_groups(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeGroupsRequest>(request);
  if (!asked) return Next::kClose;
  DescribeGroupsResponse response;
  for (const std::string_view group : asked->groups) {
    response.groups.push_back(broker.coordinator.describe(group, request.version));
    broker.metrics.count_error(request.api, response.groups.back().error_code);
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_consumer_group_describe(Broker& broker, const Request& request) {
  const auto asked = read_body<ConsumerGroupDescribeRequest>(request);
  if (!asked) return Next::kClose;
  ConsumerGroupDescribeResponse response;
  for (const std::string_view group : asked->group_ids) {
    response.groups.push_back(broker.coordinator.describe_consumers(group));
    broker.metrics.count_error(request.api, response.groups.back().error_code);
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_list_groups(Broker& broker, const Request& request) {
  const auto asked = read_body<ListGroupsRequest>(request);
  if (!asked) return Next::kClose;
  ListGroupsResponse response;
  response.groups = broker.coordinator.list(*asked);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_delete_groups(Broker& broker, Request request) {
  const auto asked = read_body<DeleteGroupsRequest>(request);
  if (!asked) return Next::kClose;
  auto call =
      std::make_shared<DeleteGroupsCall>(DeleteGroupsCall{.broker = broker, .request = request});
  call->request.let_go_of_frame();
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const std::string_view group : asked->groups_names) {
    const std::size_t index = call->response.results.size();
    call->response.results.push_back({.group_id = std::string(group)});
    ++call->waiting;
    broker.coordinator.delete_group(group, [call, index](ErrorCode error) {
      call->response.results[index].error_code = error;
      if (--call->waiting == 0) finish(*call);
    });
  }
  if (--call->waiting == 0) finish(*call);
  return Next::kGoOn;
}

}  // namespace stele::kafka
