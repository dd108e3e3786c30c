#include "log/event_store/read_plan.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/event_store/ordered_scan.h"

namespace stele::log {
namespace {

// A filter's postings are worth walking along if they are this much fewer than those selected.
constexpr std::int64_t kFilterGain = 4;

std::shared_ptr<PostingReader> shared(std::unique_ptr<PostingReader> reader) {
  return reader;
}

bool is_by_terms(const Query& query) {
  return std::ranges::all_of(
      query.items, [](const QueryItem& item) { return !item.types.empty() || !item.tags.empty(); });
}

}  // namespace

Result<ReadPlan> ReadPlanner::plan(std::optional<Position> resume, bool missing_is_empty) {
  if (request_.events_max == 0) return fail(Code::kInvalid, "events_max is 0");
  ReadPlan plan;
  plan.forward = request_.direction == Direction::kForward;
  plan.as_of = store_.end();
  STELE_DO(resolve(plan));
  if (plan.stream) {
    if (plan.stream->rules.tombstoned)
      return fail(Code::kTombstoned, "the stream is deleted for good");
    if (!plan.stream->last && !missing_is_empty)
      return fail(Code::kNotFound, "topic {} has no such stream", plan.topic->name);
  }
  STELE_DO(bound(plan, resume));
  STELE_DO(open_source(plan));
  return plan;
}

Result<TopicPtr> ReadPlanner::find_topic(const std::string& name) const {
  TopicPtr topic = store_.find_topic(name);
  if (topic == nullptr) return fail(Code::kNotFound, "topic {} does not exist", name);
  return topic;
}

Result<void> ReadPlanner::find_stream(ReadPlan& plan, const std::string& topic,
                                      const std::string& stream) const {
  STELE_TRY(plan.topic, find_topic(topic));
  if (!is_indexed(*plan.topic))
    return fail(Code::kUnsupported, "topic {} is not indexed (stele.index)", topic);
  const TermIndex& index = store_.index();
  const ByteView key = as_bytes(stream);
  STELE_TRY(auto postings, index.postings(index.hasher().stream(plan.topic->id, key).view()));
  STELE_TRY(const auto newest, postings->backward(plan.as_of, 1));
  plan.stream = {.topic = plan.topic,
                 .key = stream,
                 .postings = shared(std::move(postings)),
                 .rules = store_.stream_rules(plan.topic->id, key),
                 .last = newest.empty() ? std::nullopt : std::optional(newest.front())};
  return {};
}

Result<void> ReadPlanner::resolve(ReadPlan& plan) {
  if (const auto* topic = std::get_if<TopicSelection>(&request_.select)) {
    STELE_TRY(plan.topic, find_topic(topic->topic));
  } else if (const auto* stream = std::get_if<StreamSelection>(&request_.select)) {
    return find_stream(plan, stream->topic, stream->stream);
  } else if (const auto* since = std::get_if<StreamSinceTypeSelection>(&request_.select)) {
    return find_stream(plan, since->topic, since->stream);
  } else if (const auto* query = std::get_if<Query>(&request_.select)) {
    return check_query(*query);
  } else if (const auto* type = std::get_if<TypeSelection>(&request_.select)) {
    return check_query({.items = {{.types = {type->type}}}});
  } else if (const auto* tag = std::get_if<TagSelection>(&request_.select)) {
    return check_query({.items = {{.tags = {tag->tag}}}});
  }
  return {};
}

// --- bounds ---

Result<void> ReadPlanner::bound(ReadPlan& plan, std::optional<Position> resume) const {
  const ReadFrom& from = request_.from;
  if (from.version && !plan.stream)
    return fail(Code::kInvalid, "only a stream is read from a version");
  if ((from.version && *from.version < Version(0)) ||
      (from.position && *from.position < Position(0)))
    return fail(Code::kInvalid, "a read begins at 0 or behind it");
  plan.lower = Position(0);
  plan.upper = plan.as_of;
  if (!resume && !from.token.empty()) {
    STELE_TRY(resume, events_.parse_token(from.token));
  }
  if (plan.forward) {
    if (resume) plan.lower = *resume;
    STELE_DO(bound_forward(plan));
  } else {
    if (resume) plan.upper = std::min(plan.upper, *resume);
    STELE_DO(bound_backward(plan));
  }
  // A page that goes on begins where the one before has ended, whatever was written meanwhile.
  if (!resume || !plan.forward) STELE_DO(bound_since_type(plan));
  return {};
}

Result<void> ReadPlanner::bound_forward(ReadPlan& plan) const {
  const ReadFrom& from = request_.from;
  const auto at_least = [&](Position position) { plan.lower = std::max(plan.lower, position); };
  if (request_.below) plan.upper = std::min(plan.upper, *request_.below);
  if (from.position) {
    if (*from.position > plan.as_of)
      return fail(Code::kOutOfRange, "position {} is past the end, {}", from.position->raw(),
                  plan.as_of.raw());
    at_least(*from.position);
  }
  if (from.version) {
    STELE_TRY(const Position position, position_of(plan, *from.version));
    at_least(position);
  }
  if (from.recorded_us) {
    STELE_TRY(const Position position, store_.find_recorded(*from.recorded_us));
    at_least(std::min(position, plan.as_of));
  }
  return {};
}

Result<void> ReadPlanner::bound_backward(ReadPlan& plan) const {
  const ReadFrom& from = request_.from;
  const auto below = [&](Position position) { plan.upper = std::min(plan.upper, position); };
  if (from.position && *from.position < plan.as_of) below(from.position->next());
  if (from.version && *from.version < Version(INT64_MAX)) {
    STELE_TRY(const Position position, position_of(plan, from.version->next()));
    below(position);
  }
  if (from.recorded_us && *from.recorded_us < INT64_MAX) {
    STELE_TRY(const Position position, store_.find_recorded(*from.recorded_us + 1));
    below(position);
  }
  return {};
}

// Of the stream's event with this version; behind all there are, if it is not there yet.
Result<Position> ReadPlanner::position_of(const ReadPlan& plan, Version version) const {
  const PlannedStream& stream = *plan.stream;
  if (!stream.last || version.raw() > stream.last->number) return plan.as_of;
  STELE_TRY(const auto found, stream.postings->at_number(version.raw()));
  // Forgotten by the index: it was let go of, as all before it.
  return found ? found->position : Position(0);
}

// The newest event that the stream's and the type's postings have in common.
Result<void> ReadPlanner::bound_since_type(ReadPlan& plan) const {
  const auto* since = std::get_if<StreamSinceTypeSelection>(&request_.select);
  if (since == nullptr || !plan.stream->last) return {};
  const TermIndex& index = store_.index();
  STELE_TRY(auto types, index.postings(index.hasher().type(since->type).view()));
  WorkBudget unbounded(INT64_MAX);
  std::vector<CandidateSourcePtr> sources;
  sources.push_back(postings_source(plan.stream->postings, {.forward = false}, unbounded));
  sources.push_back(postings_source(shared(std::move(types)), {.forward = false}, unbounded));
  const CandidateSourcePtr both = intersection_source(std::move(sources), unbounded);
  STELE_TRY(const Sought newest, both->seek(plan.stream->last->position));
  if (newest.kind == Sought::Kind::kFound) plan.lower = std::max(plan.lower, newest.position);
  return {};
}

// --- candidates ---

SourceOptions ReadPlanner::source_options() const {
  // One more than is wanted tells whether there is more.
  return {.forward = request_.direction == Direction::kForward,
          .first_chunk = std::min<std::size_t>(request_.events_max, 255) + 1};
}

Result<CandidateSourcePtr> ReadPlanner::term_source(const Term& term) {
  STELE_TRY(auto postings, store_.index().postings(term.view()));
  return postings_source(shared(std::move(postings)), source_options(), budget_);
}

Result<CandidateSourcePtr> ReadPlanner::types_source(const std::vector<std::string>& types) {
  std::vector<CandidateSourcePtr> sources;
  for (const std::string& type : types) {
    STELE_TRY(CandidateSourcePtr source, term_source(store_.index().hasher().type(type)));
    sources.push_back(std::move(source));
  }
  return union_source(std::move(sources), source_options().forward);
}

Result<CandidateSourcePtr> ReadPlanner::item_source(const QueryItem& item) {
  std::vector<CandidateSourcePtr> sources;
  for (const std::string& tag : item.tags) {
    STELE_TRY(CandidateSourcePtr source, term_source(store_.index().hasher().tag(tag)));
    sources.push_back(std::move(source));
  }
  if (!item.types.empty()) {
    STELE_TRY(CandidateSourcePtr source, types_source(item.types));
    sources.push_back(std::move(source));
  }
  return intersection_source(std::move(sources), budget_);
}

Result<CandidateSourcePtr> ReadPlanner::query_source(const Query& query) {
  if (query.items.empty() || !is_by_terms(query)) return everything_source();
  std::vector<CandidateSourcePtr> sources;
  for (const QueryItem& item : query.items) {
    STELE_TRY(CandidateSourcePtr source, item_source(item));
    sources.push_back(std::move(source));
  }
  return union_source(std::move(sources), source_options().forward);
}

Result<CandidateSourcePtr> ReadPlanner::selected_source(ReadPlan& plan) {
  const TermHasher& hasher = store_.index().hasher();
  if (plan.stream) return postings_source(plan.stream->postings, source_options(), budget_);
  if (const auto* type = std::get_if<TypeSelection>(&request_.select))
    return term_source(hasher.type(type->type));
  if (const auto* tag = std::get_if<TagSelection>(&request_.select))
    return term_source(hasher.tag(tag->tag));
  if (const auto* query = std::get_if<Query>(&request_.select)) return query_source(*query);
  return everything_source();
}

// True if what a filter asks for is in the index, wherever the read looks.
bool ReadPlanner::index_is_complete(const ReadPlan& plan) const {
  if (plan.topic != nullptr) return is_indexed(*plan.topic);
  return std::ranges::all_of(store_.topics(), [](const TopicPtr& topic) {
    return is_indexed(*topic) || !is_public(*topic);
  });
}

Result<void> ReadPlanner::add_filter_sources(const ReadPlan& plan,
                                             std::vector<CandidateSourcePtr>& sources) {
  const EventFilter& filter = request_.filter;
  if ((filter.types.empty() && filter.tags.empty()) || !index_is_complete(plan)) return {};
  const std::int64_t selected = sources.front()->count();
  const auto add = [&](CandidateSourcePtr source) {
    if (source->count() < selected / kFilterGain) sources.push_back(std::move(source));
  };
  if (!filter.types.empty()) {
    STELE_TRY(CandidateSourcePtr source, types_source(filter.types));
    add(std::move(source));
  }
  for (const std::string& tag : filter.tags) {
    STELE_TRY(CandidateSourcePtr source, term_source(store_.index().hasher().tag(tag)));
    add(std::move(source));
  }
  return {};
}

Result<void> ReadPlanner::open_source(ReadPlan& plan) {
  std::vector<CandidateSourcePtr> sources;
  STELE_TRY(CandidateSourcePtr selected, selected_source(plan));
  const bool everything = selected->count() == INT64_MAX;
  sources.push_back(std::move(selected));
  STELE_DO(add_filter_sources(plan, sources));
  plan.everything = everything && sources.size() == 1;
  plan.in_order = plan.forward && plan.everything;
  plan.source = intersection_source(std::move(sources), budget_);
  return {};
}

}  // namespace stele::log
