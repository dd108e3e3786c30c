#include "log/event_store/event_store.h"

#include "log/base/fail.h"
#include "log/event_store/append_answer.h"
#include "log/event_store/first_version.h"
#include "log/event_store/owned_events.h"
#include "log/event_store/page_reader.h"
#include "log/event_store/token.h"

namespace stele::log {

struct EventStore::State {
  explicit State(const EventStoreOptions& options) : cache(options.batch_cache_bytes_max) {}

  BatchCache cache;
  std::atomic<std::uint32_t> turn = 0;  ///< of appends with events that have no stream
};

namespace {

class PageCursor final : public EventCursor {
public:
  PageCursor(const EventStore& events, BatchCache& cache, ReadRequest request)
      : events_(events), cache_(cache), request_(std::move(request)) {}

  Result<PageSummary> next_into(EventSink& sink) override {
    STELE_TRY(PageRead read,
              PageReader(events_, cache_, request_, scan_).read(resume_, true, sink));
    resume_ = read.next;
    return std::move(read.page);
  }

private:
  const EventStore& events_;
  BatchCache& cache_;
  ReadRequest request_;
  std::optional<Position> resume_;
  KeptScan scan_;
};

Result<void> check_limits(const StreamRules& limits) {
  if (limits.tombstoned) return fail(Code::kInvalid, "a tombstone is no limit");
  if (limits.max_count && *limits.max_count < 0)
    return fail(Code::kInvalid, "max count is below 0");
  if (limits.max_age_ms && *limits.max_age_ms < 0)
    return fail(Code::kInvalid, "max age is below 0");
  if (limits.truncate_before && *limits.truncate_before < Version(0))
    return fail(Code::kInvalid, "versions count from 0");
  return {};
}

}  // namespace

EventStore::EventStore(Store& store, EventStoreOptions options)
    : store_(store), state_(std::make_shared<State>(options)) {}

EventStore::~EventStore() = default;

// --- appending ---

EventAppendResult EventStore::append(EventAppend append) {
  auto plan = plan_append(store_, std::move(append), state_->turn);
  if (!plan) return std::unexpected(AppendRefusal{.error = std::move(plan).error()});
  auto outcome = store_.append(plan->request);
  return answer_append(*this, state_->cache, *plan, std::move(outcome));
}

void EventStore::submit(EventAppend append, EventAppendDone done) {
  auto plan = plan_append(store_, std::move(append), state_->turn);
  if (!plan) return done(std::unexpected(AppendRefusal{.error = std::move(plan).error()}));
  AppendRequest request = plan->request;
  store_.submit(std::move(request), [this, plan = *std::move(plan), done = std::move(done)](
                                        Result<AppendOutcome> outcome) mutable {
    done(answer_append(*this, state_->cache, plan, std::move(outcome)));
  });
}

// --- reading ---

Result<ReadPage> EventStore::read(const ReadRequest& request) const {
  OwnedEvents events;
  STELE_TRY(PageSummary page, read_into(request, events));
  return ReadPage{{std::move(page)}, events.release()};
}

Result<PageSummary> EventStore::read_into(const ReadRequest& request, EventSink& sink) const {
  KeptScan scan;
  STELE_TRY(PageRead read,
            PageReader(*this, state_->cache, request, scan).read(std::nullopt, false, sink));
  return std::move(read.page);
}

Result<ReadPage> EventCursor::next() {
  OwnedEvents events;
  STELE_TRY(PageSummary page, next_into(events));
  return ReadPage{{std::move(page)}, events.release()};
}

Result<std::unique_ptr<EventCursor>> EventStore::open(ReadRequest request, bool must_exist) const {
  WorkBudget budget(INT64_MAX);
  STELE_DO(ReadPlanner(*this, request, budget).plan(std::nullopt, !must_exist));
  return std::make_unique<PageCursor>(*this, state_->cache, std::move(request));
}

bool EventStore::wait_for(Position position, std::chrono::nanoseconds longest) const {
  return store_.wait_for(position, longest);
}

// --- streams ---

Result<StreamInfo> EventStore::stream(const StreamName& name) const {
  const TopicPtr topic = store_.find_topic(name.topic);
  if (topic == nullptr) return fail(Code::kNotFound, "topic {} does not exist", name.topic);
  const ByteView key = as_bytes(name.stream);
  const TermIndex& index = store_.index();
  const Position end = store_.end();
  StreamInfo info{.name = name, .rules = store_.stream_rules(topic->id, key)};
  STELE_TRY(const auto postings, index.postings(index.hasher().stream(topic->id, key).view()));
  STELE_TRY(const auto newest, postings->backward(end, 1));
  if (newest.empty()) return info;
  info.last_version = Version(newest.front().number);
  STELE_TRY(info.first_version, find_first_version(store_, state_->cache,
                                                   {.topic = *topic,
                                                    .key = key,
                                                    .postings = *postings,
                                                    .rules = info.rules,
                                                    .last = newest.front()},
                                                   end));
  return info;
}

void EventStore::set_limits(const StreamName& name, StreamRules limits, Done done) {
  const TopicPtr topic = store_.find_topic(name.topic);
  if (topic == nullptr) return done(fail(Code::kNotFound, "topic {} does not exist", name.topic));
  if (auto checked = check_limits(limits); !checked) return done(std::move(checked));
  store_.put_stream_rules_async(topic->id, as_bytes(name.stream), limits, ExpectedVersion::any(),
                                std::move(done));
}

void EventStore::tombstone(const StreamName& name, const ExpectedVersion& expected, Done done) {
  const TopicPtr topic = store_.find_topic(name.topic);
  if (topic == nullptr) return done(fail(Code::kNotFound, "topic {} does not exist", name.topic));
  store_.put_stream_rules_async(topic->id, as_bytes(name.stream), {.tombstoned = true}, expected,
                                std::move(done));
}

void EventStore::scavenge(const std::optional<std::string>& topic, ScavengeDone done) {
  std::optional<Uuid> id;
  if (topic) {
    const TopicPtr found = store_.find_topic(*topic);
    if (found == nullptr) return done(fail(Code::kNotFound, "topic {} does not exist", *topic));
    id = found->id;
  }
  store_.scavenge_async(id, [state = std::weak_ptr(state_),
                             done = std::move(done)](Result<ScavengeReport> report) mutable {
    // Batches in memory still have what is gone.
    if (const auto alive = state.lock()) alive->cache.clear();
    done(std::move(report));
  });
}

// --- tokens ---

std::string EventStore::token(Position next) const {
  return encode_token({.store = store_.id(), .timeline = store_.timeline(), .next = next});
}

Result<Position> EventStore::parse_token(std::string_view token) const {
  STELE_TRY(const TokenPlace place, decode_token(token));
  if (place.store != store_.id()) return fail(Code::kInvalid, "the token is another store's");
  if (place.timeline != store_.timeline())
    return fail(Code::kOutOfRange, "the token is of timeline {}, the store is on {}",
                place.timeline, store_.timeline());
  if (place.next < Position(0) || place.next > store_.end())
    return fail(Code::kOutOfRange, "the token is past the end");
  return place.next;
}

}  // namespace stele::log
