#include "log/event_store/page_reader.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/event_store/first_version.h"

namespace stele::log {
namespace {

// The work of one page: about 10 ms, whatever it finds.
constexpr std::int64_t kPostingsMax = 10'000;
constexpr std::size_t kReadBytesMax = 4 << 20;
constexpr std::int64_t kRecordsMax = 50'000;
constexpr std::size_t kEventOverheadBytes = 64;  // of an event in an answer, beyond its record

}  // namespace

PageReader::PageReader(const EventStore& events, BatchCache& cache, const ReadRequest& request)
    : events_(events),
      store_(events.store()),
      cache_(cache),
      request_(request),
      facts_needed_(!request.filter.empty() ||
                    !(std::holds_alternative<AllSelection>(request.select) ||
                      std::holds_alternative<TopicSelection>(request.select) ||
                      std::holds_alternative<StreamSelection>(request.select) ||
                      std::holds_alternative<StreamSinceTypeSelection>(request.select))),
      budget_(kPostingsMax + static_cast<std::int64_t>(request.events_max)),
      versions_(store_),
      records_left_(kRecordsMax + static_cast<std::int64_t>(request.events_max)) {}

Result<PageRead> PageReader::read(std::optional<Position> resume, bool missing_is_empty) {
  STELE_TRY(plan_, ReadPlanner(events_, request_, budget_).plan(resume, missing_is_empty));
  reader_.emplace(
      store_, cache_,
      PositionReaderOptions{.in_order = plan_.in_order,
                            .topic = plan_.topic ? std::optional(plan_.topic->id) : std::nullopt});
  limits_.emplace(store_, plan_.as_of);
  // The place to look at next; backward, -1 is behind the last.
  Position place = plan_.forward ? plan_.lower : Position(plan_.upper.raw() - 1);
  Step last = Step::kOn;
  while (last == Step::kOn) {
    STELE_TRY(last, step(place));
  }
  page_.as_of = plan_.as_of;
  page_.end = last == Step::kOver;
  const Position stopped_at = plan_.forward ? place : place.next();
  const Position next = !page_.end      ? stopped_at
                        : plan_.forward ? std::max(plan_.as_of, plan_.lower)
                                        : std::min(plan_.lower, plan_.upper);
  page_.next = events_.token(next);
  STELE_DO(describe_stream());
  return PageRead{.page = std::move(page_), .next = next};
}

// Looks at the candidate at `place` or behind it, and moves `place` on.
Result<PageReader::Step> PageReader::step(Position& place) {
  if (plan_.forward ? place >= plan_.upper : place < plan_.lower) return Step::kOver;
  if (tired()) return Step::kFull;
  STELE_TRY(const Sought sought, plan_.source->seek(place));
  if (sought.kind == Sought::Kind::kNone) return Step::kOver;
  place = sought.position;
  if (plan_.forward ? place >= plan_.upper : place < plan_.lower) return Step::kOver;
  if (sought.kind == Sought::Kind::kPaused) return Step::kFull;
  if (page_.events.size() >= request_.events_max) return Step::kFull;
  STELE_DO(reader_->move_to(place));
  if (reader_->batch() == nullptr) {
    place = plan_.forward ? reader_->end() : Position(reader_->first().raw() - 1);
    return Step::kOn;
  }
  --records_left_;
  if (const auto record = reader_->record(place)) {
    STELE_TRY(const bool wanted, is_wanted(place, sought, *record));
    if (wanted && full(place)) return Step::kFull;
    if (wanted) STELE_DO(take(place, sought, *record));
  }
  place = plan_.forward ? place.next() : Position(place.raw() - 1);
  return Step::kOn;
}

bool PageReader::full(Position next) const {
  return !page_.events.empty() &&
         page_bytes_ + reader_->batch()->record_bytes(next) > request_.bytes_max;
}

bool PageReader::tired() const {
  return budget_.used_up() || records_left_ <= 0 || reader_->read_bytes() >= kReadBytesMax;
}

Result<void> PageReader::take(Position position, const Sought& candidate,
                              const RecordView& record) {
  page_bytes_ += reader_->batch()->record_bytes(position) + kEventOverheadBytes;
  RecordedEvent event = read_event(reader_->place(position), record);
  if (plan_.stream || request_.versions) {
    STELE_TRY(event.version, version_of(position, candidate, record));
  }
  page_.events.push_back(std::move(event));
  return {};
}

// --- what is wanted ---

Result<bool> PageReader::is_wanted(Position position, const Sought& candidate,
                                   const RecordView& record) {
  if (facts_needed_) facts_.read(record);
  STELE_DO(check_selected(position, record));
  if (!in_time(record)) return false;
  const auto* query = std::get_if<Query>(&request_.select);
  if (query != nullptr && !matches(*query, facts_, reader_->topic()->name)) return false;
  if (!request_.filter.empty() &&
      !matches(request_.filter, facts_, reader_->place(position), record))
    return false;
  if (record.key) {
    STELE_TRY(const bool let_go, is_let_go(position, *record.key));
    if (let_go) return false;
  }
  if (!request_.from.version) return true;
  STELE_TRY(const auto version, version_of(position, candidate, record));
  return version &&
         (plan_.forward ? *version >= *request_.from.version : *version <= *request_.from.version);
}

// The index and the log must say the same of the event.
Result<void> PageReader::check_selected(Position position, const RecordView& record) const {
  bool is_so = true;
  if (plan_.stream) {
    is_so = record.key && as_text(*record.key) == plan_.stream->key;
  } else if (const auto* type = std::get_if<TypeSelection>(&request_.select)) {
    is_so = facts_.type() == type->type;
  } else if (const auto* tag = std::get_if<TagSelection>(&request_.select)) {
    is_so = std::ranges::find(facts_.tags(), tag->tag) != facts_.tags().end();
  }
  if (is_so) return {};
  return fail(
      Code::kCorrupt,
      "position {} (partition {}, offset {}): the index says of it what the record does not",
      position.raw(), reader_->batch()->from().text(), reader_->batch()->offset_of(position).raw());
}

bool PageReader::in_time(const RecordView& record) const {
  const ReadFrom& from = request_.from;
  if (from.event_time_ms && record.timestamp_ms < *from.event_time_ms) return false;
  if (!from.recorded_us) return true;
  const std::int64_t recorded_us = reader_->batch()->recorded_us();
  return plan_.forward ? recorded_us >= *from.recorded_us : recorded_us <= *from.recorded_us;
}

Result<bool> PageReader::is_let_go(Position position, ByteView key) {
  STELE_TRY(const Position first, limits_->first_position(reader_->topic()->id, key));
  return position < first;
}

Result<std::optional<Version>> PageReader::version_of(Position position, const Sought& candidate,
                                                      const RecordView& record) {
  if (plan_.stream && candidate.number >= 0) return Version(candidate.number);
  if (!record.key) return std::nullopt;
  return versions_.find(*reader_->topic(), *record.key, position);
}

Result<void> PageReader::describe_stream() {
  if (!plan_.stream || !plan_.stream->last) return {};
  page_.last_version = Version(plan_.stream->last->number);
  // What a page from the beginning of all shows first is the first that is kept.
  if (plan_.forward && plan_.lower == Position(0) && !page_.events.empty() &&
      request_.filter.empty() && !request_.from.event_time_ms) {
    page_.first_version = page_.events.front().version;
    return {};
  }
  STELE_TRY(page_.first_version, find_first_version(store_, cache_,
                                                    {.topic = *plan_.topic,
                                                     .key = as_bytes(plan_.stream->key),
                                                     .postings = *plan_.stream->postings,
                                                     .rules = plan_.stream->rules,
                                                     .last = *plan_.stream->last},
                                                    plan_.as_of));
  return {};
}

}  // namespace stele::log
