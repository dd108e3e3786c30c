#include "log/event_store/append_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "log/base/fail.h"
#include "log/event_store/ordered_scan.h"
#include "log/events/event_record.h"
#include "log/format/batch_builder.h"
#include "log/format/partitioner.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::size_t kFieldBytes = 10;  // of a length or number before a field, at most

std::size_t bytes_at_most(const NewRecord& record) {
  std::size_t bytes = 6 * kFieldBytes + (record.key ? record.key->size() : 0) +
                      (record.value ? record.value->size() : 0);
  for (const HeaderView& header : record.headers)
    bytes += 2 * kFieldBytes + header.key.size() + (header.value ? header.value->size() : 0);
  return bytes;
}

/// The batch that is being made.
struct OpenBatch {
  TopicPtr topic;
  std::int32_t partition = 0;
  BatchBuilder builder;
  std::shared_ptr<BatchTerms> terms;
  std::int64_t min_timestamp_ms = INT64_MAX;
  std::int64_t max_timestamp_ms = INT64_MIN;
};

class AppendPlanner {
public:
  AppendPlanner(const Store& store, std::atomic<std::uint32_t>& turn)
      : store_(store),
        index_(store.index()),
        turn_(turn),
        now_ms_(store.env().wall_us() / kUsPerMs) {}

  Result<AppendPlan> plan(EventAppend append) {
    plan_.append = std::move(append);
    plan_.checks = std::make_shared<AppendChecks>();
    if (plan_.append.events.empty()) return fail(Code::kInvalid, "no events to append");
    STELE_DO(add_expectations());
    plan_.topics.reserve(plan_.append.events.size());
    plan_.slots.reserve(plan_.append.events.size());
    for (std::size_t i = 0; i < plan_.append.events.size(); ++i) {
      if (auto added = add_event(plan_.append.events[i]); !added)
        return at(fmt::format("event {}", i), std::move(added).error());
    }
    STELE_DO(close_batch());
    STELE_DO(add_conditions());
    point_at_batches();
    plan_.request.checks = plan_.checks;
    return std::move(plan_);
  }

private:
  Result<TopicPtr> find_topic(const std::string& name) {
    if (last_topic_ != nullptr && last_topic_->name == name) return last_topic_;
    last_topic_ = store_.find_topic(name);
    if (last_topic_ == nullptr) return fail(Code::kNotFound, "topic {} does not exist", name);
    if (!is_public(*last_topic_)) {
      last_topic_ = nullptr;
      return fail(Code::kInvalid, "topic {} is the service's own", name);
    }
    return last_topic_;
  }

  // --- events ---

  Result<void> add_event(const TopicEvent& event) {
    STELE_TRY(const TopicPtr topic, find_topic(event.topic));
    STELE_TRY(const NewRecord record, encoder_.encode(event.event, now_ms_));
    STELE_DO(check(*topic, event.event, record));
    STELE_TRY(const std::int32_t partition, partition_of(*topic, event.event));
    const std::size_t bytes = bytes_at_most(record);
    const std::size_t bytes_max =
        std::min(kEventBatchBytes, static_cast<std::size_t>(topic->config.max_message_bytes));
    const bool fits = open_.topic == topic && open_.partition == partition &&
                      open_.builder.batch_bytes() + bytes <= bytes_max;
    if (!fits) {
      STELE_DO(close_batch());
      open_.topic = topic;
      open_.partition = partition;
      const std::size_t left = plan_.append.events.size() - plan_.slots.size();
      open_.builder.reserve(kBatchHeaderBytes + std::max(bytes, std::min(bytes_max, bytes * left)));
      if (is_indexed(*topic))
        open_.terms = std::make_shared<BatchTerms>(index_.hasher(), topic->id);
    }
    const std::int32_t number = open_.builder.record_count();
    STELE_DO(open_.builder.add(record));
    open_.min_timestamp_ms = std::min(open_.min_timestamp_ms, record.timestamp_ms);
    open_.max_timestamp_ms = std::max(open_.max_timestamp_ms, record.timestamp_ms);
    if (open_.terms != nullptr) STELE_DO(add_terms(event.event, number));
    plan_.topics.push_back(topic);
    plan_.slots.push_back({batches_->size(), number});
    return {};
  }

  Result<void> check(const TopicInfo& topic, const NewEvent& event, const NewRecord& record) const {
    const TopicConfig& config = topic.config;
    if (event.stream && event.stream->size() > kStreamBytesMax)
      return fail(Code::kInvalid, "the stream's name has {} bytes, over {}", event.stream->size(),
                  kStreamBytesMax);
    if (config.compacted() && !event.stream)
      return fail(Code::kInvalid, "topic {} is compacted: its events need a stream", topic.name);
    const std::int64_t behind_ms = now_ms_ - record.timestamp_ms;
    if (!config.log_append_time &&
        (behind_ms > config.timestamp_before_max_ms || -behind_ms > config.timestamp_after_max_ms))
      return fail(Code::kInvalid, "its time is outside what topic {} allows", topic.name);
    return {};
  }

  Result<void> add_terms(const NewEvent& event, std::int32_t number) {
    BatchTerms& terms = *open_.terms;
    if (event.stream) terms.add(number, TermKind::kStream, as_bytes(*event.stream));
    if (!event.type.empty()) terms.add(number, TermKind::kType, as_bytes(event.type));
    for (auto tag = event.tags.begin(); tag != event.tags.end(); ++tag) {
      if (std::find(event.tags.begin(), tag, *tag) == tag)
        terms.add(number, TermKind::kTag, as_bytes(*tag));
    }
    if (event.id.empty()) return {};
    terms.add(number, TermKind::kEventId, as_bytes(event.id));
    if (!ids_.emplace(open_.topic->id, event.id).second)
      return fail(Code::kInvalid, "id {} is given twice", event.id);
    Term id = index_.hasher().event_id(open_.topic->id, event.id);
    STELE_DO(warm(id));
    plan_.checks->event_ids.push_back(std::move(id));
    return {};
  }

  Result<std::int32_t> partition_of(const TopicInfo& topic, const NewEvent& event) {
    if (topic.partition_count == 1 && !(event.stream && is_indexed(topic))) return 0;
    if (!event.stream) {
      if (!turn_taken_) turn_taken_ = turn_.fetch_add(1, std::memory_order_relaxed);
      return static_cast<std::int32_t>(*turn_taken_ %
                                       static_cast<std::uint32_t>(topic.partition_count));
    }
    const ByteView key = as_bytes(*event.stream);
    if (!is_indexed(topic)) return partition_of_key(key, topic.partition_count);
    // Events of a stream mostly follow each other.
    if (last_stream_ != nullptr && last_stream_->topic == topic.id &&
        last_stream_->stream == *event.stream)
      return last_partition_;
    STELE_TRY(last_partition_, known_partition_of(topic, *event.stream, key));
    return last_partition_;
  }

  Result<std::int32_t> known_partition_of(const TopicInfo& topic, const std::string& stream,
                                          ByteView key) {
    const auto known = partitions_.find({topic.id, stream});
    if (known != partitions_.end()) {
      last_stream_ = &known->first;
      return known->second;
    }
    STELE_TRY(const auto head, index_.head(index_.hasher().stream(topic.id, key).view()));
    const std::int32_t partition =
        head ? head->partition : partition_of_key(key, topic.partition_count);
    last_stream_ = &partitions_.emplace(StreamKey{topic.id, stream}, partition).first->first;
    return partition;
  }

  Result<void> close_batch() {
    if (open_.topic == nullptr) return {};
    STELE_TRY(Bytes bytes, open_.builder.finish());
    const auto bytes_max = static_cast<std::size_t>(open_.topic->config.max_message_bytes);
    if (bytes.size() > bytes_max)
      return fail(Code::kTooLarge, "an event makes a batch of {} bytes; max.message.bytes is {}",
                  bytes.size(), bytes_max);
    if (open_.topic->config.log_append_time) {
      apply_log_append_time(bytes, now_ms_);
      open_.min_timestamp_ms = open_.max_timestamp_ms = now_ms_;
    }
    batches_->push_back(std::move(bytes));
    plan_.request.batches.push_back({.to = {open_.topic->id, open_.partition},
                                     .batch = {},
                                     .min_timestamp_ms = open_.min_timestamp_ms,
                                     .max_timestamp_ms = open_.max_timestamp_ms,
                                     .terms = std::move(open_.terms)});
    open_ = OpenBatch();
    return {};
  }

  void point_at_batches() {
    for (std::size_t i = 0; i < batches_->size(); ++i)
      plan_.request.batches[i].batch = (*batches_)[i];
    plan_.request.owner = batches_;
  }

  // --- checks ---

  Result<void> add_expectations() {
    const std::vector<StreamExpectation>& all = plan_.append.expectations;
    if (all.size() > kExpectationsMax)
      return fail(Code::kInvalid, "{} expectations, over {}", all.size(), kExpectationsMax);
    std::set<StreamName> seen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& [stream, expected] = all[i];
      if (!seen.insert(stream).second)
        return fail(Code::kInvalid, "expectation {}: there is one for the stream already", i);
      if (expected.kind == ExpectedVersion::Kind::kExact && expected.version < Version(0))
        return fail(Code::kInvalid, "expectation {}: versions count from 0", i);
      auto topic = find_topic(stream.topic);
      if (!topic) return at(fmt::format("expectation {}", i), std::move(topic).error());
      if (expected.kind == ExpectedVersion::Kind::kAny) continue;
      if (!is_indexed(**topic))
        return fail(Code::kUnsupported, "expectation {}: topic {} is not indexed (stele.index)", i,
                    stream.topic);
      Term term = index_.hasher().stream((*topic)->id, as_bytes(stream.stream));
      STELE_DO(warm(term));
      plan_.checks->streams.push_back({std::move(term), expected});
      plan_.expectation_of.push_back(i);
    }
    return {};
  }

  Result<void> add_conditions() {
    const std::vector<AppendCondition>& all = plan_.append.conditions;
    if (all.size() > kConditionsMax)
      return fail(Code::kInvalid, "{} conditions, over {}", all.size(), kConditionsMax);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto check = condition(all[i]);
      if (!check) return at(fmt::format("condition {}", i), std::move(check).error());
      plan_.checks->conditions.push_back(*std::move(check));
    }
    return {};
  }

  // What is durable is looked at here, so that the sequencer need only look at what is newer.
  Result<ConditionCheck> condition(const AppendCondition& asked) {
    STELE_DO(check_query(asked.fail_if_events_match));
    const Position end = store_.end();
    ConditionCheck check;
    if (asked.after && (*asked.after < Position(0) || *asked.after == Position(INT64_MAX)))
      return fail(Code::kInvalid, "after: positions count from 0");
    const Position from = asked.after ? asked.after->next() : Position(0);
    const std::vector<QueryItem>& items = asked.fail_if_events_match.items;
    for (const QueryItem& item : items) check.items.push_back(condition_item(item));
    if (items.empty()) check.items.push_back(condition_item({}));
    // Refusals may have told the caller of positions that are not durable yet.
    check.from = std::max(from, end);
    for (const ConditionItem& item : check.items) {
      if (item.nothing) continue;
      STELE_TRY(const auto conflict, store_.first_match(item, from, end));
      if (conflict) check.from = std::min(check.from, *conflict);
    }
    return check;
  }

  ConditionItem condition_item(const QueryItem& item) const {
    ConditionItem asked;
    for (const std::string& type : item.types) asked.types.push_back(index_.hasher().type(type));
    for (const std::string& tag : item.tags) asked.tags.push_back(index_.hasher().tag(tag));
    if (!item.topics.empty()) {
      for (const std::string& name : item.topics) {
        if (const TopicPtr topic = store_.find_topic(name)) asked.topics.push_back(topic->id);
      }
    } else if (item.types.empty() && item.tags.empty()) {
      // Every event, but not the service's own.
      for (const TopicPtr& topic : store_.topics()) {
        if (is_public(*topic)) asked.topics.push_back(topic->id);
      }
    } else {
      return asked;
    }
    asked.nothing = asked.topics.empty();
    return asked;
  }

  // So that the sequencer, which asks for the head too, reads no disk.
  Result<void> warm(const Term& term) const {
    if (index_.certainly_none_from(term.view(), Position(0))) return {};
    STELE_DO(index_.head(term.view()));
    return {};
  }

  struct StreamKey {
    Uuid topic;
    std::string stream;
    auto operator<=>(const StreamKey&) const = default;
  };

  const Store& store_;
  const TermIndex& index_;
  std::atomic<std::uint32_t>& turn_;
  std::int64_t now_ms_;
  AppendPlan plan_;
  std::shared_ptr<std::vector<Bytes>> batches_ = std::make_shared<std::vector<Bytes>>();
  OpenBatch open_;
  EventEncoder encoder_;
  TopicPtr last_topic_;
  std::optional<std::uint32_t> turn_taken_;
  std::map<StreamKey, std::int32_t> partitions_;
  const StreamKey* last_stream_ = nullptr;  ///< in partitions_
  std::int32_t last_partition_ = 0;
  std::set<std::pair<Uuid, std::string>> ids_;
};

}  // namespace

Result<AppendPlan> plan_append(const Store& store, EventAppend append,
                               std::atomic<std::uint32_t>& turn) {
  return AppendPlanner(store, turn).plan(std::move(append));
}

}  // namespace stele::log
