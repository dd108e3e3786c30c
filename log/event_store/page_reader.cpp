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
constexpr std::size_t kScannedEventBytes = 256;  // about, where nothing is known of them
constexpr std::size_t kBackwardCountMax = 4096;

}  // namespace

PageReader::PageReader(const EventStore& events, BatchCache& cache, const ReadRequest& request,
                       KeptScan& scan)
    : events_(events),
      store_(events.store()),
      cache_(cache),
      request_(request),
      scan_(scan),
      facts_needed_(!request.filter.empty() ||
                    !(std::holds_alternative<AllSelection>(request.select) ||
                      std::holds_alternative<TopicSelection>(request.select) ||
                      std::holds_alternative<StreamSelection>(request.select) ||
                      std::holds_alternative<StreamSinceTypeSelection>(request.select))),
      budget_(kPostingsMax + static_cast<std::int64_t>(request.events_max)),
      versions_(store_),
      records_left_(kRecordsMax + static_cast<std::int64_t>(request.events_max)) {}

Result<PageRead> PageReader::read(std::optional<Position> resume, bool missing_is_empty,
                                  EventSink& sink) {
  sink_ = &sink;
  STELE_TRY(plan_, ReadPlanner(events_, request_, budget_).plan(resume, missing_is_empty));
  open_readers();
  // The place to look at next; backward, -1 is behind the last.
  Position place = plan_.forward ? plan_.lower : Position(plan_.upper.raw() - 1);
  Step last = Step::kOn;
  while (last == Step::kOn) {
    STELE_TRY(last, plan_.in_order ? scan_step(place) : step(place));
  }
  page_.as_of = plan_.as_of;
  page_.end = last == Step::kOver;
  const Position stopped_at = plan_.forward ? place : place.next();
  const Position next = !page_.end      ? stopped_at
                        : plan_.forward ? std::max(plan_.upper, plan_.lower)
                                        : std::min(plan_.lower, plan_.upper);
  page_.next = events_.token(next);
  STELE_DO(describe_stream());
  return PageRead{.page = std::move(page_), .next = next};
}

void PageReader::open_readers() {
  const std::optional<Uuid> topic = plan_.topic ? std::optional(plan_.topic->id) : std::nullopt;
  limits_.emplace(store_, plan_.as_of);
  if (plan_.in_order) {
    const std::size_t expected =
        std::min(request_.bytes_max, request_.events_max * kScannedEventBytes);
    if (!scan_) scan_.emplace(store_, topic, expected);
    scan_->begin_page();
    scanned_before_ = scan_->read_bytes();
    return;
  }
  const auto count = static_cast<std::int64_t>(std::min(request_.events_max, kBackwardCountMax));
  reader_.emplace(
      store_, cache_,
      PositionReaderOptions{.topic = topic, .backward_count = plan_.everything ? count + 1 : 0});
}

bool PageReader::is_past(Position place) const {
  return plan_.forward ? place >= plan_.upper : place < plan_.lower;
}

// Looks at the candidate at `place` or behind it, and moves `place` on.
Result<PageReader::Step> PageReader::step(Position& place) {
  if (is_past(place)) return Step::kOver;
  if (tired()) return Step::kFull;
  STELE_TRY(const Sought sought, plan_.source->seek(place));
  if (sought.kind == Sought::Kind::kNone) return Step::kOver;
  place = sought.position;
  if (is_past(place)) return Step::kOver;
  if (sought.kind == Sought::Kind::kPaused) return Step::kFull;
  if (page_.event_count >= request_.events_max) return Step::kFull;
  if (const auto moved = reader_->move_to(place); !moved) return stopped_by(moved.error());
  if (reader_->batch() == nullptr) {
    place = plan_.forward ? reader_->end() : Position(reader_->first().raw() - 1);
    return Step::kOn;
  }
  if (const auto record = reader_->record(place)) {
    STELE_TRY(const bool has_room, give({.topic = *reader_->topic(),
                                         .place = reader_->place(place),
                                         .record = *record,
                                         .record_bytes = reader_->batch()->record_bytes(place),
                                         .number = sought.number}));
    if (!has_room) return Step::kFull;
  }
  place = plan_.forward ? place.next() : Position(place.raw() - 1);
  return Step::kOn;
}

// The same, where every position is a candidate.
Result<PageReader::Step> PageReader::scan_step(Position& place) {
  if (is_past(place)) return Step::kOver;
  if (tired()) return Step::kFull;
  const auto sought = scan_->seek(place);
  if (!sought) return stopped_by(sought.error());
  const bool found = *sought;
  place = found ? scan_->position() : scan_->next();
  if (is_past(place)) return Step::kOver;
  if (!found) return Step::kOn;
  if (page_.event_count >= request_.events_max) return Step::kFull;
  STELE_TRY(const bool has_room, give({.topic = *scan_->topic(),
                                       .place = scan_->place(),
                                       .record = scan_->record(),
                                       .record_bytes = scan_->record_bytes(),
                                       .number = -1}));
  if (!has_room) return Step::kFull;
  place = place.next();
  return Step::kOn;
}

// What stands in front of damage is given; the next page begins at it, and tells of it.
Result<PageReader::Step> PageReader::stopped_by(const Error& error) const {
  if (page_.event_count > 0) return Step::kFull;
  return std::unexpected(error);
}

bool PageReader::tired() const {
  const std::size_t read_bytes =
      reader_ ? reader_->read_bytes() : scan_->read_bytes() - scanned_before_;
  return budget_.used_up() || records_left_ <= 0 || read_bytes >= kReadBytesMax;
}

// False: it is wanted, and there is no room for it in the page.
Result<bool> PageReader::give(const Standing& standing) {
  --records_left_;
  STELE_TRY(const bool wanted, is_wanted(standing));
  if (!wanted) return true;
  if (page_.event_count > 0 && page_bytes_ + standing.record_bytes > request_.bytes_max)
    return false;
  page_bytes_ += standing.record_bytes + kEventOverheadBytes;
  std::optional<Version> version;
  if (plan_.stream || request_.versions) {
    STELE_TRY(version, version_of(standing));
  }
  if (page_.event_count++ == 0) first_given_ = version;
  page_.last = standing.place.position;
  sink_->take(event_reader_.read(standing.place, standing.record, version));
  return true;
}

// --- what is wanted ---

Result<bool> PageReader::is_wanted(const Standing& standing) {
  const RecordView& record = standing.record;
  if (facts_needed_) facts_.read(record);
  STELE_DO(check_selected(standing));
  if (!in_time(standing)) return false;
  const auto* query = std::get_if<Query>(&request_.select);
  if (query != nullptr && !matches(*query, facts_, standing.place.topic)) return false;
  if (!request_.filter.empty() && !matches(request_.filter, facts_, standing.place, record))
    return false;
  if (record.key) {
    STELE_TRY(const Position first, limits_->first_position(standing.topic.id, *record.key));
    if (standing.place.position < first) return false;
  }
  if (!request_.from.version) return true;
  STELE_TRY(const auto version, version_of(standing));
  return version &&
         (plan_.forward ? *version >= *request_.from.version : *version <= *request_.from.version);
}

// The index and the log must say the same of the event.
Result<void> PageReader::check_selected(const Standing& standing) const {
  bool is_so = true;
  if (plan_.stream) {
    is_so = standing.record.key && as_text(*standing.record.key) == plan_.stream->key;
  } else if (const auto* type = std::get_if<TypeSelection>(&request_.select)) {
    is_so = facts_.type() == type->type;
  } else if (const auto* tag = std::get_if<TagSelection>(&request_.select)) {
    is_so = std::ranges::find(facts_.tags(), tag->tag) != facts_.tags().end();
  }
  if (is_so) return {};
  return fail(
      Code::kCorrupt,
      "position {} (partition {}, offset {}): the index says of it what the record does not",
      standing.place.position.raw(), standing.place.partition.text(), standing.place.offset.raw());
}

bool PageReader::in_time(const Standing& standing) const {
  const ReadFrom& from = request_.from;
  if (from.event_time_ms && standing.record.timestamp_ms < *from.event_time_ms) return false;
  if (!from.recorded_us) return true;
  const std::int64_t recorded_us = standing.place.recorded_us;
  return plan_.forward ? recorded_us >= *from.recorded_us : recorded_us <= *from.recorded_us;
}

Result<std::optional<Version>> PageReader::version_of(const Standing& standing) {
  if (plan_.stream && standing.number >= 0) return Version(standing.number);
  if (!standing.record.key) return std::nullopt;
  return versions_.find(standing.topic, *standing.record.key, standing.place.position);
}

Result<void> PageReader::describe_stream() {
  if (!plan_.stream || !plan_.stream->last) return {};
  page_.last_version = Version(plan_.stream->last->number);
  // What a page from the beginning of all shows first is the first that is kept.
  if (plan_.forward && plan_.lower == Position(0) && page_.event_count > 0 &&
      request_.filter.empty() && !request_.from.event_time_ms) {
    page_.first_version = first_given_;
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
