#include "log/event_store/append_answer.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/event_store/owned_events.h"
#include "log/event_store/page_reader.h"

namespace stele::log {
namespace {

class AppendAnswer {
public:
  AppendAnswer(const EventStore& events, BatchCache& cache, AppendPlan& plan)
      : events_(events),
        store_(events.store()),
        cache_(cache),
        plan_(plan),
        asked_(plan.append.events) {}

  EventAppendResult answer(Result<AppendOutcome> outcome) {
    const AppendVerdict& verdict = plan_.checks->verdict;
    if (!verdict.duplicate_of.empty()) return first_answer(verdict.duplicate_of.front());
    if (outcome) return appended(*outcome);
    if (outcome.error().code == Code::kWrongVersion) {
      auto retried = answer_of_versions();
      if (!retried) return refused(std::move(retried).error());
      if (*retried) return **std::move(retried);
    }
    return refusal(std::move(outcome).error());
  }

private:
  static EventAppendResult refused(Error error) {
    return std::unexpected(AppendRefusal{.error = std::move(error)});
  }

  AppendedEvents appended(const AppendOutcome& outcome) const {
    const std::vector<std::int64_t>& versions = plan_.checks->verdict.versions;
    STELE_CHECK(outcome.size() == plan_.request.batches.size() && versions.size() == asked_.size());
    AppendedEvents result;
    result.events.reserve(asked_.size());
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      const auto [batch, record] = plan_.slots[i];
      const AppendedBatch& place = outcome[batch];
      // Records are in request order, and so are versions.
      const std::int64_t version = versions[i];
      result.events.push_back(
          {.position = place.position.next(record),
           .partition = plan_.request.batches[batch].to,
           .offset = place.base_offset.next(record),
           .version = version >= 0 ? std::optional(Version(version)) : std::nullopt,
           .id = id_of(i, plan_.request.batches[batch].to, place.base_offset.next(record))});
    }
    result.recorded_us = outcome.front().recorded_us;
    result.token = events_.token(result.events.back().position.next());
    return result;
  }

  [[nodiscard]] std::string id_of(std::size_t event, const TopicPartition& partition,
                                  Offset offset) const {
    if (!asked_[event].event.id.empty()) return asked_[event].event.id;
    std::string id;
    append_made_id(id, asked_[event].topic, partition.partition, offset);
    return id;
  }

  // --- retries ---

  // `taken`: where the first event that brought an id stands.
  EventAppendResult first_answer(Position taken) {
    const auto with_id = std::ranges::find_if(
        asked_, [](const TopicEvent& event) { return !event.event.id.empty(); });
    const std::int64_t before = with_id - asked_.begin();
    auto found = read_places(Position(taken.raw() - before));
    if (!found) return refused(std::move(found).error());
    if (*found) return **std::move(found);
    return refused(
        {.code = Code::kAlreadyExists,
         .detail = "the event ids are taken, by events that are not those of this append"});
  }

  // Where the first attempt stands, if what follows the expected version are the caller's events.
  Result<std::optional<AppendedEvents>> answer_of_versions() {
    const bool all_have_ids = std::ranges::none_of(
        asked_, [](const TopicEvent& event) { return event.event.id.empty(); });
    if (!all_have_ids || plan_.checks->verdict.failed_streams.empty()) return std::nullopt;
    const StreamCheck& check = plan_.checks->streams[plan_.checks->verdict.failed_streams[0].index];
    const auto expectation = expectation_of(plan_.checks->verdict.failed_streams[0]);
    if (check.expected.kind != ExpectedVersion::Kind::kExact &&
        check.expected.kind != ExpectedVersion::Kind::kNoStream)
      return std::nullopt;
    const StreamName& stream = plan_.append.expectations[expectation].stream;
    const auto first = std::ranges::find_if(asked_, [&](const TopicEvent& event) {
      return event.topic == stream.topic && event.event.stream == stream.stream;
    });
    if (first == asked_.end()) return std::nullopt;
    STELE_TRY(const auto postings, store_.index().postings(check.stream.view()));
    STELE_TRY(const auto posting, postings->at_number(first_version_behind(check.expected).raw()));
    if (!posting) return std::nullopt;
    return read_places(Position(posting->position.raw() - (first - asked_.begin())));
  }

  static Version first_version_behind(const ExpectedVersion& expected) {
    return expected.kind == ExpectedVersion::Kind::kExact ? expected.version.next() : Version(0);
  }

  // Nullopt: what stands from `first` on are not the events of the append.
  Result<std::optional<AppendedEvents>> read_places(Position first) {
    const auto count = static_cast<std::int64_t>(asked_.size());
    if (first < Position(0) || first.next(count) > store_.end()) return std::nullopt;
    PositionReader reader(store_, cache_, {});
    VersionLookup versions(store_);
    EventFacts facts;
    AppendedEvents result{.duplicate = true};
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      const Position position = first.next(static_cast<std::int64_t>(i));
      STELE_DO(reader.move_to(position));
      const auto record = reader.batch() != nullptr ? reader.record(position) : std::nullopt;
      if (!record) return std::nullopt;
      facts.read(*record);
      if (!is_same(i, *reader.topic(), facts)) return std::nullopt;
      const RecordPlace place = reader.place(position);
      std::optional<Version> version;
      if (record->key) {
        STELE_TRY(version, versions.find(*reader.topic(), *record->key, position));
      }
      result.events.push_back({.position = position,
                               .partition = place.partition,
                               .offset = place.offset,
                               .version = version,
                               .id = id_of(i, place.partition, place.offset)});
      result.recorded_us = place.recorded_us;
    }
    result.token = events_.token(first.next(count));
    return result;
  }

  [[nodiscard]] bool is_same(std::size_t event, const TopicInfo& topic,
                             const EventFacts& facts) const {
    const NewEvent& asked = asked_[event].event;
    const bool same_stream =
        asked.stream ? facts.key() && as_text(*facts.key()) == *asked.stream : !facts.key();
    return topic.id == plan_.topics[event]->id && same_stream && facts.type() == asked.type &&
           facts.id() == asked.id;
  }

  // --- refusals ---

  [[nodiscard]] std::size_t expectation_of(const FailedStreamCheck& failed) const {
    return plan_.expectation_of[failed.index];
  }

  EventAppendResult refusal(Error error) {
    AppendRefusal refusal{.error = std::move(error)};
    for (const FailedStreamCheck& failed : plan_.checks->verdict.failed_streams) {
      const std::size_t index = expectation_of(failed);
      const StreamExpectation& asked = plan_.append.expectations[index];
      refusal.expectations.push_back({.index = index,
                                      .stream = asked.stream,
                                      .expected = asked.expected,
                                      .actual = failed.actual,
                                      .tombstoned = failed.tombstoned});
    }
    for (const FailedConditionCheck& failed : plan_.checks->verdict.failed_conditions)
      refusal.conditions.push_back({failed.index, failed.item, failed.conflict});
    if (!plan_.append.return_conflicts) return std::unexpected(std::move(refusal));
    if (auto added = add_conflicts(refusal); !added) refusal.error = std::move(added).error();
    return std::unexpected(std::move(refusal));
  }

  Result<void> add_conflicts(AppendRefusal& refusal) {
    for (const FailedExpectation& failed : refusal.expectations) {
      const bool names_one = failed.expected.kind == ExpectedVersion::Kind::kExact ||
                             failed.expected.kind == ExpectedVersion::Kind::kNoStream;
      if (!names_one || failed.tombstoned) continue;
      STELE_DO(
          add_page(refusal, {.select = StreamSelection{failed.stream.topic, failed.stream.stream},
                             .from = {.version = first_version_behind(failed.expected)}}));
    }
    for (const FailedCondition& failed : refusal.conditions) {
      const Query& query = plan_.append.conditions[failed.index].fail_if_events_match;
      const Query asked = query.items.empty() ? query : Query{{query.items[failed.item]}};
      if (failed.conflict >= store_.end()) continue;  // not durable yet
      STELE_DO(add_page(refusal, {.select = asked, .from = {.position = failed.conflict}}));
    }
    const auto by_position = &RecordedEvent::position;
    std::ranges::sort(refusal.conflicts, {}, by_position);
    const auto twice = std::ranges::unique(refusal.conflicts, {}, by_position);
    refusal.conflicts.erase(twice.begin(), twice.end());
    if (refusal.conflicts.size() > kConflictsMax) refusal.conflicts.resize(kConflictsMax);
    return {};
  }

  Result<void> add_page(AppendRefusal& refusal, ReadRequest request) {
    request.events_max = kConflictsMax;
    request.versions = true;
    OwnedEvents events;
    KeptScan scan;
    auto read = PageReader(events_, cache_, request, scan).read(std::nullopt, true, events);
    // Deleted for good meanwhile: there is nothing to be shown.
    if (!read && read.error().code == Code::kTombstoned) return {};
    if (!read) return std::unexpected(std::move(read).error());
    std::ranges::move(events.release(), std::back_inserter(refusal.conflicts));
    return {};
  }

  const EventStore& events_;
  const Store& store_;
  BatchCache& cache_;
  AppendPlan& plan_;
  const std::vector<TopicEvent>& asked_;
};

}  // namespace

EventAppendResult answer_append(const EventStore& events, BatchCache& cache, AppendPlan& plan,
                                Result<AppendOutcome> outcome) {
  return AppendAnswer(events, cache, plan).answer(std::move(outcome));
}

}  // namespace stele::log
