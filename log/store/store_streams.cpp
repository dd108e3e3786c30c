// StoreImpl's streams: each change of a stream's rules is an event of the internal topic
// `__stele_streams`, sequenced like any append.
#include "log/base/fail.h"
#include "log/store/store_impl.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;

TopicSpec streams_topic() {
  return {.name = std::string(kStreamsTopicName),
          .partition_count = 1,
          .settings = {{"cleanup.policy", "compact"}},
          .internal = true};
}

}  // namespace

StreamRules StoreImpl::stream_rules(const Uuid& topic, ByteView key) const {
  return parts().streams->rules(topic, key);
}

bool StoreImpl::any_stream_rules(const Uuid& topic) const {
  return parts().streams->any_rules(topic);
}

// Against everything sequenced before.
Result<void> StoreImpl::check_stream_event(const StreamEvent& event,
                                           const ExpectedVersion& expected) const {
  const StoreParts& parts = core_.parts();
  const TopicPtr topic = parts.sequencer.catalogue().find(event.topic);
  if (topic == nullptr) return fail(Code::kNotFound, "topic {} does not exist", event.topic.text());
  if (!is_indexed(*topic))
    return fail(Code::kInvalid, "topic {} has no streams (stele.index=false)", topic->name);
  if (parts.streams->sequenced_rules(event.topic, event.key).tombstoned)
    return fail(Code::kTombstoned, "the stream was deleted for good");
  if (!event.rules.empty()) STELE_DO(parts.streams->check_room(event.topic, event.key));
  const TermIndex& index = *parts.index;
  STELE_TRY(const auto head, index.head(index.hasher().stream(event.topic, event.key).view()));
  const std::int64_t count = head ? head->count : 0;
  if (holds(expected, count)) return {};
  return fail(Code::kWrongVersion, "the stream is at version {}", count - 1);
}

void StoreImpl::submit_stream_event(std::shared_ptr<const StreamEvent> event,
                                    ExpectedVersion expected, Done done) {
  Operation operation;
  operation.control_bytes_max = kControlBytesMax + event->key.size();
  operation.prepare = [this, event, expected](Operation* self) -> Result<void> {
    STELE_DO(check_stream_event(*event, expected));
    StoreParts& parts = core_.parts();
    const TopicPtr events = parts.sequencer.catalogue().find(kStreamsTopicName);
    if (events == nullptr || !events->internal)
      return fail(Code::kInvalid, "topic {} is not the store's own: delete it", kStreamsTopicName);
    const std::int64_t now_ms = parts.env.wall_us() / kUsPerMs;
    STELE_TRY(Bytes bytes, encode_stream_event(*event, now_ms));
    auto batch = std::make_shared<const Bytes>(std::move(bytes));
    self->request.batches = {{.to = {events->id, 0},
                              .batch = *batch,
                              .min_timestamp_ms = now_ms,
                              .max_timestamp_ms = now_ms}};
    self->request.owner = std::move(batch);
    return {};
  };
  auto ticket = std::make_shared<std::uint64_t>(0);
  operation.on_sequenced = [this, event, ticket] {
    *ticket = core_.parts().streams->sequence(*event);
  };
  operation.on_commit = [this, event, ticket] { core_.parts().streams->commit(*event, *ticket); };
  operation.done = [done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    done(result ? Result<void>{} : std::unexpected(result.error()));
  };
  enqueue(std::move(operation));
}

void StoreImpl::put_stream_rules_async(const Uuid& topic, ByteView key, StreamRules rules,
                                       ExpectedVersion expected, Done done) {
  if (auto legal = check_stream_rules(rules); !legal) return done(std::move(legal));
  if (key.size() > parts().options.append_bytes_max / 2)
    return done(fail(Code::kTooLarge, "a stream's key of {} bytes", key.size()));
  auto event = std::make_shared<const StreamEvent>(
      StreamEvent{.topic = topic, .key = Bytes(key.begin(), key.end()), .rules = rules});
  if (find_topic(topic) == nullptr)
    return done(fail(Code::kNotFound, "topic {} does not exist", topic.text()));
  if (find_topic(kStreamsTopicName) != nullptr)
    return submit_stream_event(std::move(event), expected, std::move(done));
  create_topic_async(streams_topic(), [this, event, expected, done = std::move(done)](
                                          const Result<TopicPtr>& created) mutable {
    if (!created && created.error().code != Code::kAlreadyExists)
      return done(std::unexpected(created.error()));
    submit_stream_event(std::move(event), expected, std::move(done));
  });
}

// --- scavenge ---

// It is sequenced like anything else, so that it begins on the core, and sees what was before it.
void StoreImpl::scavenge_async(std::optional<Uuid> topic, ScavengeDone done) {
  Operation operation;
  operation.done = [this, topic,
                    done = std::move(done)](const Result<AppendOutcome>& begun) mutable {
    if (!begun) return done(std::unexpected(begun.error()));
    core_.compactor().scavenge(topic, std::move(done));
  };
  enqueue(std::move(operation));
}

void StoreImpl::cancel_scavenge() {
  Operation operation;
  operation.done = [this](const Result<AppendOutcome>& /*begun*/) {
    core_.compactor().cancel_scavenge();
  };
  enqueue(std::move(operation));
}

Result<ScavengeReport> StoreImpl::scavenge(std::optional<Uuid> topic) {
  std::atomic<bool> ready = false;
  std::optional<Result<ScavengeReport>> report;
  scavenge_async(topic, [&](Result<ScavengeReport> result) {
    report = std::move(result);
    ready.store(true, std::memory_order_release);
  });
  run_until([&] { return ready.load(std::memory_order_acquire); });
  return std::move(*report);
}

}  // namespace stele::log
