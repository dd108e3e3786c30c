// Reads one page: goes from candidate to candidate, reads each, checks that it is what was asked
// for, hands it on, and stops when the page is full, nothing is left, or enough work was done for
// one call.
//
//   everything or a topic, forward    OrderedScan ─► record ┐
//   everything else    candidates ─► PositionReader ─► record ┴► wanted? ─► EventSink
//
// Thread: its owner's; made for one page.
#pragma once

#include "log/event_store/ordered_scan.h"
#include "log/event_store/position_reader.h"
#include "log/event_store/read_plan.h"
#include "log/event_store/stream_limits.h"
#include "log/event_store/version_lookup.h"
#include "log/events/event_facts.h"
#include "log/events/event_view.h"

namespace stele::log {

struct PageRead {
  PageSummary page;
  Position next;  ///< what page.next says
};

/// What a cursor's pages hand on to each other.
using KeptScan = std::optional<OrderedScan>;

class PageReader {
public:
  /// What is given outlives it. `scan` is none at first.
  PageReader(const EventStore& events, BatchCache& cache, const ReadRequest& request,
             KeptScan& scan);

  /// See ReadPlanner::plan() for `resume` and errors. After an error, what `sink` got is no page.
  Result<PageRead> read(std::optional<Position> resume, bool missing_is_empty, EventSink& sink);

private:
  enum class Step : std::uint8_t { kOn, kFull, kOver };
  /// A record that may be wanted.
  struct Standing {
    const TopicInfo& topic;
    RecordPlace place;
    RecordView record;
    std::size_t record_bytes;
    std::int64_t number;  ///< of its posting, if it was found by a single term; else -1
  };

  void open_readers();
  Result<Step> step(Position& place);
  Result<Step> scan_step(Position& place);
  [[nodiscard]] Result<Step> stopped_by(const Error& error) const;
  Result<bool> give(const Standing& standing);
  Result<bool> is_wanted(const Standing& standing);
  Result<void> check_selected(const Standing& standing) const;
  [[nodiscard]] bool in_time(const Standing& standing) const;
  Result<std::optional<Version>> version_of(const Standing& standing);
  Result<void> describe_stream();
  [[nodiscard]] bool is_past(Position place) const;
  [[nodiscard]] bool tired() const;

  const EventStore& events_;
  const Store& store_;
  BatchCache& cache_;
  const ReadRequest& request_;
  KeptScan& scan_;
  bool facts_needed_;
  WorkBudget budget_;
  ReadPlan plan_;
  std::optional<PositionReader> reader_;
  std::optional<StreamLimits> limits_;
  VersionLookup versions_;
  EventFacts facts_;
  EventReader event_reader_;
  EventSink* sink_ = nullptr;
  PageSummary page_;
  std::optional<Version> first_given_;
  std::size_t page_bytes_ = 0;
  std::size_t scanned_before_ = 0;  ///< bytes, by the pages before
  std::int64_t records_left_;
};

}  // namespace stele::log
