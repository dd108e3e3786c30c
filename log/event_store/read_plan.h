// What a ReadRequest comes to, as of the store's end: which topic or stream, between which
// positions, and where candidates come from.
//
//   names ─► topics, terms ─► bounds [lower, upper) ─► source of candidates
//
// Thread: its owner's; made for one page.
#pragma once

#include "log/event_store/candidate_source.h"
#include "log/event_store/event_store.h"

namespace stele::log {

/// A stream that is read, and the postings of its events.
struct PlannedStream {
  TopicPtr topic;
  std::string_view key;  ///< owned by the request
  std::shared_ptr<PostingReader> postings;
  StreamRules rules;
  std::optional<Posting> last;  ///< its newest durable event
};

struct ReadPlan {
  bool forward = true;
  Position lower;  ///< the first position that may be given
  Position upper;  ///< one past the last
  Position as_of;
  TopicPtr topic;  ///< null: all public ones
  std::optional<PlannedStream> stream;
  CandidateSourcePtr source;
  bool everything = false;  ///< every position is a candidate
  bool in_order = false;    ///< the same, forward
};

/// Makes the plan of one page. `resume`: where the page before has ended (forward: first position
/// that it has not looked at; backward: one past it); none: the read begins. `request`, `store` and
/// `budget` outlive the plan. kNotFound (topic; a stream that was never written, if
/// !missing_is_empty), kTombstoned, kInvalid, kOutOfRange, kUnsupported (a stream of a topic that
/// is not indexed), kCorrupt, kIo.
class ReadPlanner {
public:
  ReadPlanner(const EventStore& events, const ReadRequest& request, WorkBudget& budget)
      : events_(events), store_(events.store()), request_(request), budget_(budget) {}

  Result<ReadPlan> plan(std::optional<Position> resume, bool missing_is_empty);

private:
  Result<TopicPtr> find_topic(const std::string& name) const;
  Result<void> find_stream(ReadPlan& plan, const std::string& topic,
                           const std::string& stream) const;
  Result<void> resolve(ReadPlan& plan);
  Result<void> bound(ReadPlan& plan, std::optional<Position> resume) const;
  Result<void> bound_forward(ReadPlan& plan) const;
  Result<void> bound_backward(ReadPlan& plan) const;
  Result<void> bound_since_type(ReadPlan& plan) const;
  Result<Position> position_of(const ReadPlan& plan, Version version) const;
  Result<void> open_source(ReadPlan& plan);
  Result<CandidateSourcePtr> selected_source(ReadPlan& plan);
  Result<CandidateSourcePtr> query_source(const Query& query);
  Result<CandidateSourcePtr> item_source(const QueryItem& item);
  Result<CandidateSourcePtr> types_source(const std::vector<std::string>& types);
  Result<void> add_filter_sources(const ReadPlan& plan, std::vector<CandidateSourcePtr>& sources);
  Result<CandidateSourcePtr> term_source(const Term& term);
  [[nodiscard]] SourceOptions source_options() const;
  [[nodiscard]] bool index_is_complete(const ReadPlan& plan) const;

  const EventStore& events_;
  const Store& store_;
  const ReadRequest& request_;
  WorkBudget& budget_;
};

}  // namespace stele::log
