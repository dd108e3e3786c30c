#include "server/grpc/methods.h"

#include <utility>

#include <stele/v1/admin.grpc.pb.h>
#include <stele/v1/event_store.grpc.pb.h>
#include "server/grpc/decode.h"
#include "server/grpc/decode_append.h"
#include "server/grpc/encode.h"
#include "server/grpc/subscribe_call.h"

namespace stele::rpc {

namespace {

constexpr int kAppendsExpected = 16;
constexpr int kOthersExpected = 2;

using E = v1::EventStore;
using RawEventStore = E::WithRawMethod_Append<E::WithRawMethod_AppendStream<
    E::WithRawMethod_Read<E::WithRawMethod_Subscribe<E::WithRawMethod_GetStream<
        E::WithRawMethod_SetStreamLimits<E::WithRawMethod_Tombstone<E::Service>>>>>>>;
using A = v1::Admin;
using RawAdmin = A::WithRawMethod_CreateTopic<A::WithRawMethod_DeleteTopic<
    A::WithRawMethod_ListTopics<A::WithRawMethod_Scavenge<A::Service>>>>;

using CallPtr = std::shared_ptr<UnaryCall>;

/// A handler for what is parsed first.
template <class Request, class Handle>
auto parsed(const Handle& handle) {
  return [handle](const CallPtr& call) {
    Request request;
    if (!parse(call->request(), request)) return call->fail(malformed());
    handle(call, request);
  };
}

void answer_append(const CallPtr& call, const log::EventAppendResult& result, bool with_ids,
                   bool refusal_is_answer) {
  WireWriter answer;
  if (result) {
    write_appended(answer, v1::AppendResponse::kAppendedFieldNumber, *result, with_ids);
    return call->finish(answer);
  }
  const Code code = result.error().error.code;
  const bool by_checks = code == Code::kWrongVersion || code == Code::kConditionFailed;
  if (!refusal_is_answer || !by_checks) return call->fail(refused(result.error()));
  const auto mark = answer.begin(v1::AppendResponse::kRefusalFieldNumber);
  write_refusal(answer, result.error());
  answer.end(mark);
  call->finish(answer);
}

void append(CallWorld& world, const CallPtr& call) {
  world.counters.appends.fetch_add(1, std::memory_order_relaxed);
  auto decoded = decode_append(WholeMessage(call->request()).view());
  if (!decoded) return call->fail(decoded.error());
  const bool with_ids = decoded->wants_ids;
  const bool refusal_is_answer = decoded->append.return_conflicts;
  world.events.submit(std::move(decoded->append),
                      [&world, held = Unanswered(world.unanswered), call, with_ids,
                       refusal_is_answer](log::EventAppendResult result) {
                        if (!result)
                          world.counters.refused_appends.fetch_add(1, std::memory_order_relaxed);
                        answer_append(call, result, with_ids, refusal_is_answer);
                      });
  world.gate.wake();
}

void get_stream(CallWorld& world, const CallPtr& call, const v1::GetStreamRequest& request) {
  auto name = decode_stream(request.topic(), request.stream());
  if (!name) return call->fail(name.error());
  world.readers.submit([&world, call, name = *std::move(name)] {
    const auto info = world.events.stream(name);
    if (!info) return call->fail(refused(info.error()));
    const auto raw = [](auto value) { return static_cast<std::uint64_t>(value); };
    v1::GetStreamResponse answer;
    if (info->last_version) answer.set_last_version(raw(info->last_version->raw()));
    if (info->first_version) answer.set_first_version(raw(info->first_version->raw()));
    v1::StreamLimits& limits = *answer.mutable_limits();
    const log::StreamRules& rules = info->rules;
    if (rules.max_count) limits.set_max_count(raw(*rules.max_count));
    if (rules.max_age_ms) limits.set_max_age_ms(raw(*rules.max_age_ms));
    if (rules.truncate_before) limits.set_truncate_before(raw(rules.truncate_before->raw()));
    answer.set_tombstoned(rules.tombstoned);
    call->finish(answer);
  });
}

/// Answers with an empty message once it is durable.
auto when_done(CallWorld& world, const CallPtr& call) {
  return [held = Unanswered(world.unanswered), call](Result<void> done) {
    if (!done) return call->fail(refused(done.error()));
    WireWriter empty;
    call->finish(empty);
  };
}

void set_limits(CallWorld& world, const CallPtr& call, const v1::SetStreamLimitsRequest& request) {
  const auto name = decode_stream(request.topic(), request.stream());
  if (!name) return call->fail(name.error());
  auto limits = decode_limits(request.limits());
  if (!limits) return call->fail(limits.error());
  world.events.set_limits(*name, *std::move(limits), when_done(world, call));
  world.gate.wake();
}

void tombstone(CallWorld& world, const CallPtr& call, const v1::TombstoneRequest& request) {
  const auto name = decode_stream(request.topic(), request.stream());
  if (!name) return call->fail(name.error());
  log::ExpectedVersion expected;
  if (request.has_expected()) {
    auto decoded = decode_expected(request.expected(), "expected");
    if (!decoded) return call->fail(decoded.error());
    expected = *decoded;
  }
  world.events.tombstone(*name, expected, when_done(world, call));
  world.gate.wake();
}

void describe(const log::TopicInfo& topic, v1::Topic& into) {
  into.set_name(topic.name);
  into.set_id(topic.id.text());
  into.set_partition_count(static_cast<std::uint32_t>(topic.partition_count));
  for (const auto& [name, value] : topic.settings) (*into.mutable_settings())[name] = value;
}

void create_topic(CallWorld& world, const CallPtr& call, const v1::CreateTopicRequest& request) {
  auto spec = decode_topic(request);
  if (!spec) return call->fail(spec.error());
  world.events.store().create_topic_async(
      *std::move(spec),
      [held = Unanswered(world.unanswered), call](const Result<log::TopicPtr>& topic) {
        if (!topic) return call->fail(refused(topic.error()));
        v1::CreateTopicResponse answer;
        describe(**topic, *answer.mutable_topic());
        call->finish(answer);
      });
  world.gate.wake();
}

void delete_topic(CallWorld& world, const CallPtr& call, const v1::DeleteTopicRequest& request) {
  log::Store& store = world.events.store();
  const log::TopicPtr topic = store.find_topic(std::string_view(request.name()));
  if (topic == nullptr) {
    return call->fail(
        Fault{{Code::kNotFound, "topic " + valid_text(request.name()) + " does not exist"}});
  }
  store.delete_topic_async(topic->id, when_done(world, call));
  world.gate.wake();
}

void scavenge(CallWorld& world, const CallPtr& call, const v1::ScavengeRequest& request) {
  std::optional<std::string> topic;
  if (!request.topic().empty()) topic = request.topic();
  world.events.scavenge(
      topic, [held = Unanswered(world.unanswered), call](const Result<log::ScavengeReport>& done) {
        if (!done) return call->fail(refused(done.error()));
        const auto raw = [](std::int64_t count) { return static_cast<std::uint64_t>(count); };
        v1::ScavengeResponse answer;
        answer.set_partitions(raw(done->partitions));
        answer.set_segments(raw(done->segments));
        answer.set_events_removed(raw(done->events_removed));
        answer.set_bytes_removed(raw(done->bytes_removed));
        answer.set_partitions_failed(raw(done->partitions_failed));
        answer.set_first_failure(done->first_failure);
        call->finish(answer);
      });
  world.gate.wake();
}

void list_topics(CallWorld& world, const CallPtr& call, const v1::ListTopicsRequest& /*request*/) {
  v1::ListTopicsResponse answer;
  for (const log::TopicPtr& topic : world.events.store().topics()) {
    if (!topic->internal) describe(*topic, *answer.add_topics());
  }
  call->finish(answer);
}

}  // namespace

struct Methods::Services {
  RawEventStore events;
  RawAdmin admin;
};

Methods::Methods() : services_(std::make_unique<Services>()) {}
Methods::~Methods() = default;

void Methods::add_to(::grpc::ServerBuilder& builder) {
  builder.RegisterService(&services_->events);
  builder.RegisterService(&services_->admin);
}

void Methods::expect(CallWorld& world, int calls, UnaryMethod method) {
  const UnaryMethod& kept = unary_.emplace_back(std::move(method));
  for (int i = 0; i < calls; ++i) UnaryCall::expect(world.queue, kept);
}

// The generated Request…() of each method, on the one queue.
#define STELE_REQUEST(service, name)                                                   \
  [&queue = world.queue.queue(), &service](auto* context, auto* message, auto* answer, \
                                           void* tag) {                                \
    service.Request##name(context, message, answer, &queue, &queue, tag);              \
  }
#define STELE_UNARY(service, name, calls, handler) \
  expect(world, calls,                             \
         {STELE_REQUEST(service, name),            \
          parsed<v1::name##Request>(               \
              [&world](const CallPtr& call, auto& request) { handler(world, call, request); })})

void Methods::expect_calls(CallWorld& world) {
  RawEventStore& events = services_->events;
  RawAdmin& admin = services_->admin;
  expect(world, kAppendsExpected,
         {STELE_REQUEST(events, Append), [&world](const CallPtr& call) { append(world, call); }});
  STELE_UNARY(events, GetStream, kOthersExpected, get_stream);
  STELE_UNARY(events, SetStreamLimits, kOthersExpected, set_limits);
  STELE_UNARY(events, Tombstone, kOthersExpected, tombstone);
  STELE_UNARY(admin, CreateTopic, kOthersExpected, create_topic);
  STELE_UNARY(admin, DeleteTopic, kOthersExpected, delete_topic);
  STELE_UNARY(admin, ListTopics, kOthersExpected, list_topics);
  STELE_UNARY(admin, Scavenge, kOthersExpected, scavenge);
  read_.request = STELE_REQUEST(events, Read);
  subscribe_.request = STELE_REQUEST(events, Subscribe);
  append_stream_.request = [&queue = world.queue.queue(), &events](auto* context, auto* stream,
                                                                   void* tag) {
    events.RequestAppendStream(context, stream, &queue, &queue, tag);
  };
  for (int i = 0; i < kOthersExpected; ++i) {
    ReadCall::expect(world, read_);
    SubscribeCall::expect(world, subscribe_);
    AppendStreamCall::expect(world, append_stream_);
  }
}

}  // namespace stele::rpc
