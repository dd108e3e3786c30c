#include "projections/engine/live_view.h"

#include <algorithm>
#include <set>

#include "log/base/fail.h"
#include "projections/flow/parking.h"
#include "projections/flow/poison_log.h"
#include "projections/state/past_states.h"

namespace stele::projections {
namespace {

/// The places of `wanted` that this task folds.
Checkpoint part_of(const Checkpoint& wanted, const TaskRun& run) {
  std::vector<InputPlace> places;
  for (const InputPlace& place : wanted.places()) {
    if (std::ranges::count(run.inputs(), place.input) != 0) places.push_back(place);
  }
  return Checkpoint(std::move(places));
}

Error not_there_yet(const TaskRun& run, const AtLeast& wanted) {
  const FlowStatus status = run.task().status();
  if (status.state == FlowState::kStopped) {
    return {Code::kClosed, fmt::format("the projection has stopped before the token's place: {}",
                                       status.stopped_because)};
  }
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(wanted.longest);
  return {Code::kOverloaded,
          fmt::format("after {} ms the states are still behind the token, {} events behind the "
                      "end: ask again, or read without the token",
                      waited.count(), status.lag_events)};
}

}  // namespace

TaskRun* TaskTable::find(const InputId& input) const {
  for (const auto& run : runs) {
    if (std::ranges::count(run->inputs(), input) != 0) return run.get();
  }
  return nullptr;
}

Checkpoint TaskTable::checkpoint() const {
  if (runs.size() == 1) return runs.front()->task().checkpoint();
  std::vector<InputPlace> places;
  for (const auto& run : runs) {
    const Checkpoint of_run = run->task().checkpoint();
    places.insert(places.end(), of_run.places().begin(), of_run.places().end());
  }
  return Checkpoint(std::move(places));
}

void LiveView::point_at(TaskTablePtr table) {
  const std::scoped_lock lock(mutex_);
  ++generation_;
  kept_.clear();
  table_.swap(table);  // the old one goes after the lock
}

Result<TaskTablePtr> LiveView::table() const {
  TaskTablePtr table;
  {
    const std::scoped_lock lock(mutex_);
    table = table_;
  }
  if (table == nullptr) return fail(Code::kClosed, "the engine, or this version, is closed");
  return table;
}

Result<Checkpoint> LiveView::read(ByteView key, const Visit& visit) const {
  while (true) {
    const std::uint64_t generation = generation_.load();
    STELE_TRY(const TaskTablePtr table, this->table());
    auto read = read_from(*table, key, visit);
    // After a switch the old version folds on, perhaps past the new one: an answer of the old one
    // counts only if it was read before.
    if (generation_.load() == generation) return read;
  }
}

Result<Checkpoint> LiveView::read_from(const TaskTable& table, ByteView key, const Visit& visit) {
  if (table.runs.size() == 1) return table.runs.front()->task().read(key, visit);
  // Which partition a key is in was its producer's choice: whoever has a state for it, has it.
  std::vector<InputPlace> places;
  for (const auto& run : table.runs) {
    bool found = false;
    auto read = run->task().read(key, [&](const void* state) {
      found = state != nullptr;
      if (found) visit(state);
    });
    if (!read || found) return read;
    places.insert(places.end(), read->places().begin(), read->places().end());
  }
  visit(nullptr);
  return Checkpoint(std::move(places));
}

Result<void> LiveView::wait_for(const AtLeast& wanted) const {
  STELE_TRY(TaskTablePtr table, this->table());
  STELE_TRY(const Checkpoint places, source_.parse_token(wanted.token));
  const std::chrono::nanoseconds deadline = env_.now() + wanted.longest;
  while (true) {
    for (const auto& run : table->runs) {
      const auto left = std::max(deadline - env_.now(), std::chrono::nanoseconds(0));
      if (!run->task().wait_for(part_of(places, *run), left)) {
        return std::unexpected(not_there_yet(*run, wanted));
      }
    }
    STELE_TRY(TaskTablePtr now, this->table());
    if (now == table) return {};
    table = std::move(now);  // another version is read now: it has to be there, too
  }
}

Result<Checkpoint> LiveView::for_each(
    const std::function<void(ByteView key, const void* state)>& visit) const {
  STELE_TRY(const TaskTablePtr table, this->table());
  std::vector<InputPlace> places;
  for (const auto& run : table->runs) {
    const TaskRun::Hold held = run->hold();
    STELE_DO(run->task().states().dump(0, visit));
    const Checkpoint of_run = run->task().checkpoint();
    places.insert(places.end(), of_run.places().begin(), of_run.places().end());
  }
  return Checkpoint(std::move(places));
}

Result<std::string> LiveView::token(const Checkpoint& checkpoint) const {
  STELE_TRY(const TaskTablePtr table, this->table());
  return source_.token(checkpoint);
}

Result<std::uint32_t> LiveView::version() const {
  STELE_TRY(const TaskTablePtr table, this->table());
  return table->definition->version;
}

// --- the past ---

namespace {

/// Poison events that were parked, as the flow itself knows them.
ParkedEvents parked_events(const Definition& definition) {
  ParkedEvents parked;
  parked.recorded = [](const Mark& mark) -> Result<ParkedEvents::Origins> {
    PoisonLog poisons(SIZE_MAX);
    ByteView extras = mark.extras;
    if (!extras.empty()) STELE_DO(poisons.decode(extras));
    return poisons.origins();
  };
  parked.redriven = [name = definition.name](const InputEvent& event,
                                             const ParkedEvents::FoldOriginal& fold) {
    const auto redriven = RedrivenEvent::read(event, name);
    return redriven ? fold(redriven->origin(), redriven->original()) : Result<void>();
  };
  return parked;
}

}  // namespace

// Opening a snapshot's file costs more than reading one key of it. A SQLite file is opened each
// time: a reader that stays keeps its log from being taken in.
Result<LiveView::Snapshots> LiveView::snapshots_of(const Definition& definition,
                                                   const TaskRun& run) const {
  const bool keeps = std::holds_alternative<MemoryStore>(definition.store);
  const std::uint64_t count = keeps ? run.task().states().stats().snapshot_count : 0;
  if (keeps) {
    const std::scoped_lock lock(mutex_);
    const auto kept = kept_.find(&run);
    if (kept != kept_.end() && kept->second.count == count) return kept->second.snapshots;
  }
  Snapshots snapshots;
  STELE_TRY(auto listed, list_past(env_, run.folder()));
  for (auto& snapshot : listed) snapshots.push_back(std::move(snapshot));
  const std::scoped_lock lock(mutex_);
  const auto is_run = [&run](const auto& present) { return present.get() == &run; };
  if (keeps && table_ != nullptr && std::ranges::any_of(table_->runs, is_run))
    kept_[&run] = {count, snapshots};
  return snapshots;
}

Result<Past> LiveView::past_of(const DefinitionPtr& definition, const TaskRun& run) const {
  Past past{.definition = definition, .source = &source_, .inputs = run.inputs()};
  STELE_TRY(past.snapshots, snapshots_of(*definition, run));
  if (definition->poison == PoisonPolicy::kPark && source_.events() != nullptr)
    past.parked = parked_events(*definition);
  std::set<std::pair<InputId, std::int64_t>> passed_over;
  for (const PoisonRecord& record : run.task().poisons()) {
    passed_over.emplace(record.input, record.place);
  }
  if (!passed_over.empty()) {
    past.passed_over = [passed_over = std::move(passed_over)](const InputId& input,
                                                              std::int64_t place) {
      return passed_over.contains({input, place});
    };
  }
  return past;
}

Result<PastState> LiveView::state_at(ByteView key, const Moment& moment) const {
  STELE_TRY(const TaskTablePtr table, this->table());
  std::optional<PastState> last;
  for (const auto& run : table->runs) {
    STELE_TRY(const Past past, past_of(table->definition, *run));
    STELE_TRY(last, projections::state_at(past, key, moment));
    if (last->state) break;
  }
  if (!last) return fail(Code::kNotFound, "no partition is folded here");
  return *std::move(last);
}

Result<std::unique_ptr<PastTable>> LiveView::states_at(const Moment& moment) const {
  STELE_TRY(const TaskTablePtr table, this->table());
  if (table->runs.empty()) return fail(Code::kNotFound, "no partition is folded here");
  STELE_TRY(Past past, past_of(table->definition, *table->runs.front()));
  if (table->runs.size() > 1) {
    // A snapshot is of one task: over several, all events are read.
    past.snapshots.clear();
    for (const auto& run : table->runs) {
      if (run == table->runs.front()) continue;
      past.inputs.insert(past.inputs.end(), run->inputs().begin(), run->inputs().end());
    }
  }
  return projections::states_at(past, moment);
}

}  // namespace stele::projections
