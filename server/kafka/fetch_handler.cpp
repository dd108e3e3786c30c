#include <algorithm>

#include "server/kafka/handlers.h"
#include "server/kafka/wire/fetch.h"

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {

constexpr std::int16_t kTopicIdsFrom = 13;
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

std::size_t partition_count(const FetchRequest& fetch) {
  std::size_t total = 0;
  for (const FetchRequestTopic& topic : fetch.topics) total += topic.partitions.size();
  for (const FetchForgottenTopic& topic : fetch.forgotten_topics) total += topic.partitions.size();
  return total;
}

void put_all(const Broker& broker, FetchSession& session, const FetchRequest& fetch) {
  for (const FetchRequestTopic& asked : fetch.topics) {
    const log::TopicPtr topic = session.by_ids() ? broker.store.find_topic(asked.topic_id)
                                                 : broker.store.find_topic(asked.name);
    for (const FetchRequestPartition& partition : asked.partitions) {
      session.put(asked, topic ? topic->id : Uuid{}, partition);
    }
  }
}

/// The least of what the client, its quota and the service allow in one answer.
std::size_t bytes_max(const Broker& broker, const Request& request, const FetchRequest& fetch) {
  const auto asked = static_cast<std::size_t>(std::max(fetch.max_bytes, 0));
  const std::size_t most = std::min(asked, broker.options.fetch_bytes_max);
  const auto burst = request.quota ? request.quota->burst(QuotaKind::kConsumerBytes) : std::nullopt;
  return burst && *burst < static_cast<double>(most) ? static_cast<std::size_t>(*burst) : most;
}

/// What the call reads from, and whether that goes on afterwards.
struct Context {
  std::shared_ptr<FetchSession> session;
  FetchCall::Kind kind = FetchCall::Kind::kSessionless;
  ErrorCode error = ErrorCode::kNone;
};

/// Epoch 0 asks for a new session, -1 for none; either ends the session that is named.
Context in_full(Broker& broker, const FetchRequest& fetch, bool by_ids) {
  broker.fetch_sessions.remove(fetch.session_id);
  Context context;
  context.session = std::make_shared<FetchSession>(broker.fetch_index, by_ids, broker.fetch_seed);
  if (fetch.session_epoch == 0) context.kind = FetchCall::Kind::kFirst;
  put_all(broker, *context.session, fetch);
  return context;
}

Context next_of_session(Broker& broker, const FetchRequest& fetch, bool by_ids) {
  Context context{broker.fetch_sessions.find(fetch.session_id), FetchCall::Kind::kIncremental};
  if (!context.session) return {.error = ErrorCode::kFetchSessionIdNotFound};
  FetchSession& session = *context.session;
  if (session.epoch != fetch.session_epoch) return {.error = ErrorCode::kInvalidFetchSessionEpoch};
  if (session.by_ids() != by_ids) return {.error = ErrorCode::kFetchSessionTopicIdError};
  if (session.waiting != nullptr) broker.waits.refuse(*session.waiting, broker.env.now());
  put_all(broker, session, fetch);
  for (const FetchForgottenTopic& topic : fetch.forgotten_topics) session.forget(topic);
  session.epoch = next_session_epoch(session.epoch);
  if (session.size() == 0) {
    broker.fetch_sessions.remove(session.id);
    context.kind = FetchCall::Kind::kSessionless;
  } else if (!broker.fetch_sessions.touch(session)) {
    return {.error = ErrorCode::kFetchSessionIdNotFound};
  }
  return context;
}

Context context_of(Broker& broker, const FetchRequest& fetch, std::int16_t version) {
  if (partition_count(fetch) > kPartitionsMax) return {.error = ErrorCode::kInvalidRequest};
  const bool by_ids = version >= kTopicIdsFrom;
  const bool full = fetch.session_epoch == 0 || fetch.session_epoch == -1;
  return full ? in_full(broker, fetch, by_ids) : next_of_session(broker, fetch, by_ids);
}

}  // namespace

Next handle_fetch(Broker& broker, Request request) {
  const auto fetch = read_body<FetchRequest>(request);
  if (!fetch) return Next::kClose;
  Context context = context_of(broker, *fetch, request.version);
  if (context.error != ErrorCode::kNone) return refuse(broker, request, context.error);
  const FetchReadOptions options{.bytes_max = bytes_max(broker, request, *fetch),
                                 .by_ids = context.session->by_ids()};
  const auto now = broker.env.now();
  const auto wait = std::chrono::milliseconds(std::max(fetch->max_wait_ms, 0));
  auto call = std::make_unique<FetchCall>(
      FetchCall{.request = std::move(request),
                .read = FetchRead(broker.store, broker.pool, options),
                .session = std::move(context.session),
                .kind = context.kind,
                .min_bytes = static_cast<std::size_t>(std::max(fetch->min_bytes, 0)),
                .deadline = now + std::min(wait, kWaitMax)});
  call->request.let_go_of_frame();
  call->look(broker.store);
  if (call->session->size() == 0 || call->is_enough() || call->deadline <= now) {
    call->finish(broker.fetch_sessions, now);
  } else {
    broker.waits.add(std::move(call), now);
  }
  return Next::kGoOn;
}

}  // namespace stele::kafka
