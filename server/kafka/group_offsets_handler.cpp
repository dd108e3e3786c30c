// OffsetCommit, OffsetFetch, OffsetDelete.
#include "server/kafka/handlers.h"
#include "server/kafka/wire/group_offsets.h"

namespace stele::kafka {

Next handle_offset_commit(Broker& broker, Request request) {
  const auto asked = read_body<OffsetCommitRequest>(request);
  if (!asked) return Next::kClose;
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.commit(
      *asked, request.version,
      [&broker, waiting = std::move(waiting)](const OffsetCommitResponse& response) {
        for (const OffsetCommitResponseTopic& topic : response.topics) {
          for (const OffsetCommitResponsePartition& partition : topic.partitions) {
            broker.metrics.count_error(waiting.api, partition.error_code);
          }
        }
        answer(waiting, response, broker.env.now());
      });
  return Next::kGoOn;
}

namespace {

constexpr std::int16_t kTopErrorFrom = 2;
constexpr std::int16_t kGroupsFrom = 8;

/// An answer for many groups, sent when the last of them is known.
struct OffsetFetchCall {
  Broker& broker;
  Request request;
  OffsetFetchResponse response{};
  /// v1 says errors of the group beside each partition.
  std::vector<OffsetFetchResponseTopic> asked{};
  std::size_t waiting = 0;
};

void finish(OffsetFetchCall& call) {
  OffsetFetchResponse& response = call.response;
  for (const OffsetFetchResponseGroup& group : response.groups) {
    call.broker.metrics.count_error(call.request.api, group.error_code);
  }
  if (call.request.version < kGroupsFrom) {
    OffsetFetchResponseGroup only = std::move(response.groups.front());
    response.groups.clear();
    response.error_code = only.error_code;
    response.topics = std::move(only.topics);
    const bool is_refused = only.error_code != ErrorCode::kNone;
    if (is_refused && call.request.version < kTopErrorFrom) {
      response.topics = std::move(call.asked);
      for (OffsetFetchResponseTopic& topic : response.topics) {
        for (auto& partition : topic.partitions) partition.error_code = only.error_code;
      }
    }
  }
  answer(call.request, response, call.broker.env.now());
}

std::vector<OffsetFetchResponseTopic> without_offsets(
    const std::optional<std::vector<OffsetFetchRequestTopic>>& topics) {
  std::vector<OffsetFetchResponseTopic> none;
  if (!topics) return none;
  for (const OffsetFetchRequestTopic& topic : *topics) {
    OffsetFetchResponseTopic& answered = none.emplace_back();
    answered.name = topic.name;
    for (const std::int32_t partition : topic.partition_indexes) {
      answered.partitions.push_back({.partition = partition, .committed_offset = -1});
    }
  }
  return none;
}

}  // namespace

Next handle_offset_fetch(Broker& broker, Request request) {
  auto asked = read_body<OffsetFetchRequest>(request);
  if (!asked) return Next::kClose;
  auto call =
      std::make_shared<OffsetFetchCall>(OffsetFetchCall{.broker = broker, .request = request});
  call->request.let_go_of_frame();
  if (request.version < kTopErrorFrom) call->asked = without_offsets(asked->topics);
  if (request.version < kGroupsFrom) {
    asked->groups = {{.group_id = asked->group_id, .topics = std::move(asked->topics)}};
  }
  call->response.groups.resize(asked->groups.size());
  call->waiting = asked->groups.size() + 1;  // and this call itself
  for (std::size_t i = 0; i < asked->groups.size(); ++i) {
    broker.coordinator.fetch(asked->groups[i], request.version,
                             [call, i](OffsetFetchResponseGroup group) {
                               call->response.groups[i] = std::move(group);
                               if (--call->waiting == 0) finish(*call);
                             });
  }
  if (--call->waiting == 0) finish(*call);
  return Next::kGoOn;
}

Next handle_offset_delete(Broker& broker, Request request) {
  const auto asked = read_body<OffsetDeleteRequest>(request);
  if (!asked) return Next::kClose;
  Request waiting = request;
  waiting.let_go_of_frame();
  broker.coordinator.delete_offsets(
      *asked, [&broker, waiting = std::move(waiting)](const OffsetDeleteResponse& response) {
        broker.metrics.count_error(waiting.api, response.error_code);
        answer(waiting, response, broker.env.now());
      });
  return Next::kGoOn;
}

}  // namespace stele::kafka
