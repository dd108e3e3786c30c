#include "projections/sources/embedded_source.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/event_store/ordered_scan.h"
#include "projections/sources/embedded_access.h"
#include "projections/sources/store_lot.h"

namespace stele::projections {
namespace {

constexpr std::size_t kAppendCountMax = 1000;

struct NamedTopic {
  std::string name;
  Uuid id;
};

Result<std::vector<NamedTopic>> find_topics(const log::Store& store,
                                            const std::vector<std::string>& names) {
  std::vector<NamedTopic> found;
  for (const std::string& name : names) {
    const log::TopicPtr topic = store.find_topic(name);
    if (topic == nullptr) return fail(Code::kNotFound, "topic {} does not exist", name);
    if (!log::is_public(*topic)) return fail(Code::kInvalid, "topic {} is the service's own", name);
    const bool is_known =
        std::ranges::any_of(found, [&](const NamedTopic& one) { return one.id == topic->id; });
    if (!is_known) found.push_back({name, topic->id});
  }
  if (found.empty()) return fail(Code::kInvalid, "no topic to read");
  return found;
}

class EmbeddedReader final : public SourceReader {
public:
  EmbeddedReader(const log::Store& store, std::vector<NamedTopic> topics, Position from,
                 std::size_t lot_bytes)
      : store_(store),
        topics_(std::move(topics)),
        next_(from),
        lot_bytes_(lot_bytes),
        maker_(store, ids_of(topics_)) {}

  Result<LotPtr> next(std::chrono::nanoseconds longest) override {
    STELE_DO(check_topics());
    // Position p is there once the end is past it.
    if (next_ >= store_.end() && longest > std::chrono::nanoseconds::zero())
      static_cast<void>(store_.wait_for(next_, longest));
    const Position end = store_.end();
    StoreLot::Read read{.batches = {}, .from = next_, .end = end};
    if (next_ < end) {
      STELE_TRY(read.batches, topics_.size() == 1
                                  ? store_.read_topic(topics_.front().id, next_, lot_bytes_)
                                  : store_.read_all(next_, lot_bytes_));
    }
    STELE_TRY(auto lot, maker_.make(std::move(read)));
    next_ = Position(lot->next);
    return lot;
  }

private:
  static std::vector<Uuid> ids_of(const std::vector<NamedTopic>& topics) {
    std::vector<Uuid> ids;
    for (const NamedTopic& topic : topics) ids.push_back(topic.id);
    return ids;
  }

  [[nodiscard]] Result<void> check_topics() const {
    for (const NamedTopic& topic : topics_) {
      if (store_.find_topic(topic.id) == nullptr)
        return fail(Code::kNotFound, "topic {} was deleted", topic.name);
    }
    return {};
  }

  const log::Store& store_;
  std::vector<NamedTopic> topics_;
  Position next_;
  std::size_t lot_bytes_;
  StoreLotMaker maker_;
};

}  // namespace

EmbeddedSource::EmbeddedSource(log::EventStore& events, EmbeddedSourceOptions options)
    : events_(events), options_(options), access_(std::make_unique<EmbeddedAccess>(events)) {}

EmbeddedSource::~EmbeddedSource() = default;

std::string EmbeddedSource::name() const {
  return "store " + events_.store().id().text();
}

Result<std::vector<InputId>> EmbeddedSource::inputs(const std::vector<std::string>& topics) {
  STELE_TRY(const auto found, find_topics(events_.store(), topics));
  return std::vector<InputId>{InputId::store()};
}

Result<std::unique_ptr<SourceReader>> EmbeddedSource::open(const std::vector<std::string>& topics,
                                                           const std::vector<InputId>& inputs,
                                                           const Checkpoint& from) {
  STELE_TRY(auto found, find_topics(events_.store(), topics));
  if (inputs != std::vector<InputId>{InputId::store()})
    return fail(Code::kInvalid, "a store is one input, not partitions");
  const Position next(from.next(InputId::store()));
  const Position end = events_.store().end();
  if (next > end)
    return fail(Code::kOutOfRange,
                "the checkpoint is at position {}, the store ends at {}: it is of another store, "
                "or events were lost; build the projection anew",
                next.raw(), end.raw());
  return std::make_unique<EmbeddedReader>(events_.store(), std::move(found), next,
                                          options_.lot_bytes);
}

Result<Checkpoint> EmbeddedSource::end(const std::vector<InputId>& /*inputs*/) {
  return Checkpoint::of_store(events_.store().end().raw());
}

Result<std::string> EmbeddedSource::token(const Checkpoint& checkpoint) {
  const bool is_ours = std::ranges::all_of(
      checkpoint.places(), [](const InputPlace& place) { return place.input.is_store(); });
  if (!is_ours) return fail(Code::kInvalid, "the checkpoint is of partitions, not of a store");
  return events_.token(Position(checkpoint.next(InputId::store())));
}

Result<Checkpoint> EmbeddedSource::parse_token(std::string_view token) {
  STELE_TRY(const Position next, events_.parse_token(token));
  return Checkpoint::of_store(next.raw());
}

EventAccess* EmbeddedSource::events() {
  return access_.get();
}

Result<void> EmbeddedSource::append(std::vector<log::TopicEvent> events) {
  for (std::span<const log::TopicEvent> left = events; !left.empty();) {
    const auto some = left.first(std::min(left.size(), kAppendCountMax));
    STELE_DO(append_some(some));
    left = left.subspan(some.size());
  }
  return {};
}

// An append is refused as a whole if some of its ids are there (of an attempt that was cut into
// other pieces), or if it is too large: then each half by itself, down to single events.
Result<void> EmbeddedSource::append_some(std::span<const log::TopicEvent> events) {
  auto appended = events_.append({.events = {events.begin(), events.end()}});
  if (appended) return {};
  Error error = std::move(appended).error().error;
  const bool is_divisible = error.code == Code::kAlreadyExists || error.code == Code::kTooLarge;
  if (!is_divisible || events.size() == 1) return std::unexpected(std::move(error));
  const std::size_t half = events.size() / 2;
  STELE_DO(append_some(events.first(half)));
  return append_some(events.subspan(half));
}

}  // namespace stele::projections
