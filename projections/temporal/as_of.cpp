#include "projections/temporal/as_of.h"

#include <algorithm>
#include <utility>

#include "log/base/fail.h"
#include "projections/temporal/bound.h"
#include "projections/temporal/flow_replay.h"
#include "projections/temporal/stream_history.h"

namespace stele::projections {
namespace {

constexpr std::chrono::milliseconds kLotWait{100};
constexpr int kQuietLotsMax = 100;

/// The snapshot with the most in it that the moment allows; null: none.
const PastStates* nearest(const Past& past, const Bound& bound) {
  const PastStates* best = nullptr;
  for (const auto& snapshot : past.snapshots) {
    if (!bound.allows(snapshot->mark())) continue;
    if (best == nullptr || snapshot->mark().event_count > best->mark().event_count)
      best = snapshot.get();
  }
  return best;
}

bool is_of_store(const Past& past) {
  return past.inputs.size() == 1 && past.inputs.front().is_store() &&
         past.source->events() != nullptr;
}

bool is_passed_over(const Past& past, const InputId& input, std::int64_t place) {
  return past.passed_over && past.passed_over(input, place);
}

// --- by replay of the flow ---

/// Reads the flow from a snapshot up to a bound.
class FlowHistory {
public:
  FlowHistory(const Past& past, const Bound& bound, const PastTableOptions& options)
      : past_(past), bound_(bound), options_(options) {}

  Result<void> fold_into(FlowReplay& replay) {
    Checkpoint from;
    if (const PastStates* snapshot = nearest(past_, bound_)) {
      STELE_DO(replay.load(*snapshot, options_.memory_bytes_max));
      from = snapshot->mark().checkpoint;
    }
    for (const InputId& input : past_.inputs) at_.set(input, from.next(input));
    to_fold_ = left();
    if (to_fold_ == 0) return {};
    STELE_TRY(const auto reader, past_.source->open(replay.topics(), past_.inputs, from));
    for (int quiet = 0; left() > 0 && !gives_up(replay);) {
      STELE_TRY(const LotPtr lot, reader->next(kLotWait));
      STELE_DO(fold_lot(*lot, replay));
      quiet = lot->end ? quiet + 1 : 0;
      if (quiet > kQuietLotsMax)
        return fail(Code::kIo, "{}: {} places that were there are not any more",
                    past_.source->name(), left());
    }
    return {};
  }

private:
  [[nodiscard]] static bool gives_up(FlowReplay& replay) {
    return replay.states().only() && replay.needs_all_keys();
  }
  [[nodiscard]] std::uint64_t left() const {
    std::int64_t sum = 0;
    for (const InputPlace& place : at_.places())
      sum += std::max<std::int64_t>(0, bound_.below.next(place.input) - place.next);
    return static_cast<std::uint64_t>(sum);
  }

  Result<void> fold_lot(const Lot& lot, FlowReplay& replay) {
    if (lot.next <= at_.next(lot.input)) return {};
    const std::int64_t below = bound_.below.next(lot.input);
    for (const InputEvent& event : lot.events) {
      const std::int64_t place = lot.input.is_store() ? event.position.raw() : event.offset.raw();
      if (place >= below) break;
      if (bound_.includes(event))
        STELE_DO(replay.fold(event, is_passed_over(past_, lot.input, place)));
    }
    at_.set(lot.input, lot.next);
    if (replay.memory_bytes() > options_.memory_bytes_max)
      return fail(Code::kTooLarge, "states of {} take more than {} bytes of memory",
                  past_.definition->name, options_.memory_bytes_max);
    if (options_.progress && !options_.progress(to_fold_ - left(), to_fold_))
      return fail(Code::kCancelled, "the caller gave up");
    return {};
  }

  const Past& past_;
  const Bound& bound_;
  const PastTableOptions& options_;
  Checkpoint at_;
  std::uint64_t to_fold_ = 0;
};

// --- of one key ---

Result<Bound> bound_of_version(const Past& past, const StreamHistory& history,
                               const Moment& moment) {
  STELE_TRY(const Bound known, known_by(*past.source, past.inputs, moment));
  const Version version = std::get<AtVersion>(moment.at).version;
  if (version < Version(0)) return fail(Code::kOutOfRange, "versions count from 0");
  const Position end(known.below.next(InputId::store()));
  const StreamHistory stream{history.events, past.definition->topics, history.stream};
  STELE_TRY(const std::optional<Position> behind, behind_version(stream, version, end));
  if (!behind) return fail(Code::kOutOfRange, "the stream has no version {} yet", version.raw());
  return below_position(*past.source, known, *behind);
}

Result<void> fold_stream(const Past& past, const StreamHistory& history, const Bound& bound,
                         FlowReplay& replay) {
  Position from;
  if (const PastStates* snapshot = nearest(past, bound)) {
    STELE_DO(replay.load(*snapshot, PastTableOptions{}.memory_bytes_max));
    from = Position(snapshot->mark().checkpoint.next(InputId::store()));
  }
  const Position below(bound.below.next(InputId::store()));
  return walk(history, from, below, [&](const InputEvent& event) -> Result<void> {
    if (!bound.includes(event)) return {};
    return replay.fold(event, is_passed_over(past, InputId::store(), event.position.raw()));
  });
}

/// The place of the only stream that holds the key's events.
Result<Bound> bound_of_key(const Past& past, const StreamHistory* history, const Moment& moment) {
  if (!std::holds_alternative<AtVersion>(moment.at))
    return bound_of(*past.source, past.inputs, moment);
  const Definition& definition = *past.definition;
  if (history == nullptr)
    return fail(Code::kInvalid, "{} has no versions: it is not keyed by the stream of a store",
                definition.name);
  if (definition.topics.size() > 1)
    return fail(Code::kInvalid, "{} reads streams of several topics: a version of which?",
                definition.name);
  return bound_of_version(past, *history, moment);
}

PastState answer(FlowReplay& replay, ByteView key, Bound bound) {
  PastState state{.state = std::nullopt,
                  .token = std::move(bound.token),
                  .checkpoint = std::move(bound.below),
                  .events_folded = replay.event_count()};
  if (const StateBox* found = replay.states().find(key)) state.state.emplace(*found);
  return state;
}

}  // namespace

Result<PastState> state_at(const Past& past, ByteView key, const Moment& moment) {
  const Definition& definition = *past.definition;
  const std::string only(as_text(key));
  FlowReplay replay(definition, past.parked, only);
  const std::vector<std::string> topics = replay.topics();
  std::optional<StreamHistory> history;
  if (is_of_store(past) && definition.keyed_by_stream)
    history.emplace(*past.source->events(), topics, only);
  STELE_TRY(Bound bound, bound_of_key(past, history ? &*history : nullptr, moment));
  const PastTableOptions options;
  if (history && definition.lookups.empty()) {
    STELE_DO(fold_stream(past, *history, bound, replay));
    return answer(replay, key, std::move(bound));
  }
  STELE_DO(FlowHistory(past, bound, options).fold_into(replay));
  if (!replay.needs_all_keys()) return answer(replay, key, std::move(bound));
  FlowReplay all(definition, past.parked, std::nullopt);
  STELE_DO(FlowHistory(past, bound, options).fold_into(all));
  return answer(all, key, std::move(bound));
}

Result<std::unique_ptr<PastTable>> states_at(const Past& past, const Moment& moment,
                                             const PastTableOptions& options) {
  STELE_TRY(Bound bound, bound_of(*past.source, past.inputs, moment));
  FlowReplay replay(*past.definition, past.parked, std::nullopt);
  STELE_DO(FlowHistory(past, bound, options).fold_into(replay));
  return std::make_unique<PastTable>(past.definition, replay.states().release(),
                                     std::move(bound.token), std::move(bound.below));
}

}  // namespace stele::projections
