// Reads one page: goes from candidate to candidate, reads each, checks that it is what was asked
// for, and stops when the page is full, nothing is left, or enough work was done for one call.
//
// Thread: its owner's; made for one page.
#pragma once

#include "log/event_store/read_plan.h"
#include "log/event_store/stream_limits.h"
#include "log/event_store/version_lookup.h"
#include "log/events/event_facts.h"

namespace stele::log {

struct PageRead {
  ReadPage page;
  Position next;  ///< what page.next says
};

class PageReader {
public:
  /// `events`, `cache` and `request` outlive it.
  PageReader(const EventStore& events, BatchCache& cache, const ReadRequest& request);

  /// See ReadPlanner::plan() for `resume` and errors.
  Result<PageRead> read(std::optional<Position> resume, bool missing_is_empty);

private:
  enum class Step : std::uint8_t { kOn, kFull, kOver };
  Result<Step> step(Position& place);
  Result<void> take(Position position, const Sought& candidate, const RecordView& record);
  Result<bool> is_wanted(Position position, const Sought& candidate, const RecordView& record);
  Result<void> check_selected(Position position, const RecordView& record) const;
  [[nodiscard]] bool in_time(const RecordView& record) const;
  Result<bool> is_let_go(Position position, ByteView key);
  Result<std::optional<Version>> version_of(Position position, const Sought& candidate,
                                            const RecordView& record);
  Result<void> describe_stream();
  [[nodiscard]] bool full(Position next) const;
  [[nodiscard]] bool tired() const;

  const EventStore& events_;
  const Store& store_;
  BatchCache& cache_;
  const ReadRequest& request_;
  bool facts_needed_;
  WorkBudget budget_;
  ReadPlan plan_;
  std::optional<PositionReader> reader_;
  std::optional<StreamLimits> limits_;
  VersionLookup versions_;
  EventFacts facts_;
  ReadPage page_;
  std::size_t page_bytes_ = 0;
  std::int64_t records_left_;
};

}  // namespace stele::log
