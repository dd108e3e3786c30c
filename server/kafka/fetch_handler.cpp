#include <algorithm>

#include "server/kafka/handlers.h"
#include "server/kafka/wire/fetch.h"

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {

constexpr std::int16_t kTopicIdsFrom = 13;
constexpr std::int16_t kZstdFrom = 10;
constexpr std::int16_t kTopErrorFrom = 7;
constexpr std::size_t kPartitionsMax = 100'000;  // of one fetch
constexpr std::chrono::milliseconds kWaitMax = 30s;

Next refuse(Broker& broker, const Request& request, ErrorCode error) {
  if (request.version < kTopErrorFrom) return Next::kClose;  // nowhere to say it
  broker.metrics.count_error(ApiKey::kFetch, error);
  FetchResponse response;
  response.error_code = error;
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

/// Sessions are not kept, which is always legal: a request that starts or ends one is answered in
/// full with session id 0; one that goes on with a session has lost it.
ErrorCode check_session(const FetchRequest& fetch) {
  const bool is_full = fetch.session_epoch == 0 || fetch.session_epoch == -1;
  return is_full ? ErrorCode::kNone : ErrorCode::kFetchSessionIdNotFound;
}

std::size_t partition_count(const FetchRequest& fetch) {
  std::size_t total = 0;
  for (const FetchRequestTopic& topic : fetch.topics) total += topic.partitions.size();
  return total;
}

void add_topic(Broker& broker, FetchCall& call, const FetchRequestTopic& asked) {
  const bool by_id = call.request.version >= kTopicIdsFrom;
  const log::TopicPtr topic =
      by_id ? broker.store.find_topic(asked.topic_id) : broker.store.find_topic(asked.name);
  call.topics.push_back({std::string(asked.name), asked.topic_id, asked.partitions.size()});
  for (const FetchRequestPartition& partition : asked.partitions) {
    FetchTarget target;
    target.id = {topic ? topic->id : Uuid{}, partition.partition};
    target.next = Offset(partition.fetch_offset);
    target.bytes_max = static_cast<std::size_t>(std::max(partition.partition_max_bytes, 0));
    target.expected_epoch = partition.current_leader_epoch;
    if (!topic) {
      target.error = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    }
    call.partitions.push_back(partition.partition);
    call.read.add(std::move(target));
  }
}

}  // namespace

Next handle_fetch(Broker& broker, Request request) {
  const auto fetch = read<FetchRequest>(request.version, request.body);
  if (!fetch) return Next::kClose;
  if (const ErrorCode error = check_session(*fetch); error != ErrorCode::kNone) {
    return refuse(broker, request, error);
  }
  if (partition_count(*fetch) > kPartitionsMax) {
    return refuse(broker, request, ErrorCode::kInvalidRequest);
  }
  const auto asked_bytes = static_cast<std::size_t>(std::max(fetch->max_bytes, 0));
  const std::size_t bytes_max = std::min(asked_bytes, broker.options.fetch_bytes_max);
  const auto now = broker.env.now();
  const auto wait = std::chrono::milliseconds(std::max(fetch->max_wait_ms, 0));
  auto call = std::make_unique<FetchCall>(FetchCall{
      .request = request,
      .read = FetchRead(broker.store, broker.pool, {bytes_max, request.version >= kZstdFrom}),
      .topics = {},
      .partitions = {},
      .min_bytes = static_cast<std::size_t>(std::max(fetch->min_bytes, 0)),
      .deadline = now + std::min(wait, kWaitMax)});
  for (const FetchRequestTopic& topic : fetch->topics) add_topic(broker, *call, topic);
  call->request.let_go_of_frame();
  for (std::size_t i = 0; i < call->partitions.size(); ++i) call->read.read(i);
  if (call->partitions.empty() || call->is_enough() || call->deadline <= now) {
    call->finish(now);
  } else {
    broker.waits.add(std::move(call), now);
  }
  return Next::kGoOn;
}

}  // namespace stele::kafka
