#include "projections/engine/flow_group.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

bool has_effects(const Definition& definition) {
  return definition.has_effects || !definition.publish_topic.empty();
}

}  // namespace

/// Holds a version with effects back behind the live one.
class FlowGroup::LiveGate final : public Gate {
public:
  LiveGate(const FlowGroup& group, std::uint32_t version) : group_(group), version_(version) {}

  [[nodiscard]] std::optional<std::int64_t> limit(const InputId& input) const override {
    const std::scoped_lock lock(group_.table_mutex_);
    if (group_.live_version_ == version_) return std::nullopt;
    if (group_.live_table_ == nullptr) return group_.left_at_.next(input);
    const TaskRun* const run = group_.live_table_->find(input);
    if (run == nullptr) return std::nullopt;
    return run->task().checkpoint().next(input);
  }
  void wait(const InputId& input, std::int64_t place,
            std::chrono::nanoseconds longest) const override {
    TaskTablePtr table;
    {
      const std::scoped_lock lock(group_.table_mutex_);
      table = group_.live_table_;
    }
    const TaskRun* const run = table == nullptr ? nullptr : table->find(input);
    if (run != nullptr) run->task().wait_for(Checkpoint({{input, place + 1}}), longest);
  }

private:
  const FlowGroup& group_;
  std::uint32_t version_;
};

TaskTablePtr FlowGroup::Version::table() const {
  return std::make_shared<const TaskTable>(TaskTable{added.definition, runs});
}

FlowGroup::FlowGroup(std::string name, Source& source, Env& env, FlowGroupOptions options)
    : name_(std::move(name)),
      source_(source),
      env_(env),
      options_(std::move(options)),
      folders_(options_.folder, name_, env) {}

FlowGroup::~FlowGroup() {
  drop_tasks();
}

Result<std::unique_ptr<FlowGroup>> FlowGroup::open(std::string name, Source& source, Env& env,
                                                   FlowGroupOptions options) {
  std::unique_ptr<FlowGroup> group(new FlowGroup(std::move(name), source, env, std::move(options)));
  STELE_DO(env.make_folder(group->folders_.path()));
  STELE_DO(env.sync_folder(group->options_.folder));
  STELE_TRY(group->live_, group->folders_.read_live());
  return group;
}

// --- versions and roles ---

VersionRole FlowGroup::role_of(std::uint32_t version) const {
  if (live_ && version == live_->version) return VersionRole::kLive;
  return live_ && version > live_->highest ? VersionRole::kBuilding : VersionRole::kKept;
}

FlowGroup::Version* FlowGroup::find(std::uint32_t version) const {
  const auto found = versions_.find(version);
  return found == versions_.end() ? nullptr : found->second.get();
}

std::vector<std::shared_ptr<TaskRun>> FlowGroup::all_runs() const {
  std::vector<std::shared_ptr<TaskRun>> runs;
  for (const auto& [number, version] : versions_) {
    runs.insert(runs.end(), version->runs.begin(), version->runs.end());
  }
  return runs;
}

Result<void> FlowGroup::make_first_live(const Added& added) {
  const std::uint32_t version = added.definition->version;
  const LiveRecord record{version, 0, version, added.effects_from};
  STELE_DO(folders_.write_live(record));
  live_ = record;
  return {};
}

Result<std::shared_ptr<LiveView>> FlowGroup::add(Added added,
                                                 const std::vector<std::int32_t>& tasks) {
  const std::scoped_lock lock(mutex_);
  const std::uint32_t number = added.definition->version;
  if (find(number) != nullptr) {
    return fail(Code::kAlreadyExists, "projection {} version {} is added already", name_, number);
  }
  STELE_DO(folders_.claim(*added.definition));
  if (!live_) STELE_DO(make_first_live(added));
  STELE_DO(look_up_left_at(tasks));
  auto version = std::make_unique<Version>(Version{std::move(added), nullptr, {}});
  version->gate = std::make_unique<LiveGate>(*this, number);
  for (const std::int32_t task : tasks) STELE_DO(open_run(*version, task));
  auto view = std::make_shared<LiveView>(source_, env_);
  views_.push_back({view, version->added.type, number});
  versions_.emplace(number, std::move(version));
  publish();
  if (started_) {
    for (const auto& run : find(number)->runs) start_run(*run);
  }
  return view;
}

Result<TaskRun*> FlowGroup::open_run(Version& version, std::int32_t task) {
  const Definition& definition = *version.added.definition;
  TaskRunSpec spec{.definition = version.added.definition, .number = task};
  for (const InputId& input : version.added.inputs) {
    if (task < 0 || input.partition == task) spec.inputs.push_back(input);
  }
  if (spec.inputs.empty()) return nullptr;
  const bool effects = has_effects(definition);
  if (effects) spec.gate = version.gate.get();
  spec.options.folder = folders_.task_path(definition.version, task);
  spec.options.lanes = effects || !definition.lookups.empty() ? 1 : options_.lanes;
  spec.options.poison_max = options_.poison_max;
  spec.options.effects_from = std::nullopt;
  if (role_of(definition.version) == VersionRole::kLive) {
    spec.options.effects_from = live_->effects_from;
  }
  STELE_TRY(auto run, TaskRun::open(std::move(spec), source_, env_));
  TaskRun* const opened = run.get();
  version.runs.push_back(std::move(run));
  std::ranges::sort(version.runs, {}, [](const auto& each) { return each->number(); });
  return opened;
}

void FlowGroup::publish() {
  Version* const live = live_ ? find(live_->version) : nullptr;
  const TaskTablePtr table = live == nullptr ? nullptr : live->table();
  {
    const std::scoped_lock lock(table_mutex_);
    live_table_ = table;
    live_version_ = live_ ? live_->version : 0;
  }
  for (const ViewSlot& slot : views_) {
    const Version* const own = find(slot.version);
    if (live != nullptr && *live->added.type == *slot.type) {
      slot.view->point_at(table);
    } else {
      slot.view->point_at(own == nullptr ? nullptr : own->table());
    }
  }
  building_ = std::ranges::any_of(versions_, [this](const auto& each) {
    return role_of(each.first) == VersionRole::kBuilding;
  });
}

Result<void> FlowGroup::remove(std::uint32_t version) {
  const std::scoped_lock lock(mutex_);
  const VersionRole role = role_of(version);
  Version* const added = find(version);
  if (role == VersionRole::kLive || (added != nullptr && role == VersionRole::kBuilding)) {
    return fail(Code::kInvalid, "projection {} version {} is {}: it cannot be removed", name_,
                version, projections::name(role));
  }
  if (added != nullptr) {
    const auto removed = versions_.extract(version);
    publish();
    for (const auto& run : removed.mapped()->runs) run->stop();
  }
  return folders_.remove(version);
}

// --- the switch ---

FlowGroup::Version* FlowGroup::built() const {
  for (auto each = versions_.rbegin(); each != versions_.rend(); ++each) {
    if (role_of(each->first) != VersionRole::kBuilding) continue;
    const auto& runs = each->second->runs;
    const bool ready = std::ranges::all_of(runs, [](const auto& run) { return run->caught_up(); });
    if (ready && !runs.empty()) return each->second.get();
  }
  return nullptr;
}

Result<void> FlowGroup::promote(std::uint32_t version) {
  const std::scoped_lock lock(mutex_);
  if (halted_) return std::unexpected(*halted_);
  Version* const to = find(version);
  if (to == nullptr) {
    return fail(Code::kNotFound, "projection {} has no version {} here: add it first", name_,
                version);
  }
  if (live_->version == version) {
    return fail(Code::kInvalid, "projection {} version {} is live already", name_, version);
  }
  for (const auto& run : to->runs) {
    if (run->caught_up()) continue;
    return fail(Code::kInvalid, "projection {} version {} has not caught up yet: {}", name_,
                version, run->error().value_or(Error{Code::kInvalid, "it is being built"}).detail);
  }
  return switch_to(*to);
}

Result<void> FlowGroup::rollback() {
  const std::scoped_lock lock(mutex_);
  if (halted_) return std::unexpected(*halted_);
  Version* const to = live_ ? find(live_->previous) : nullptr;
  if (to != nullptr) return switch_to(*to);
  if (!live_ || live_->previous == 0) {
    return fail(Code::kNotFound, "projection {} has no version to go back to", name_);
  }
  return fail(Code::kNotFound, "projection {} version {} is not here: add its definition, too",
              name_, live_->previous);
}

Result<bool> FlowGroup::promote_built() {
  if (!options_.promote_when_caught_up || !building_) return false;
  const std::scoped_lock lock(mutex_);
  Version* const to = built();
  if (to == nullptr || halted_) return false;
  auto switched = switch_to(*to);
  if (switched) return true;
  if (switched.error().code == Code::kAlreadyExists) return false;  // not yet: it goes on elsewhere
  return std::unexpected(std::move(switched).error());
}

void FlowGroup::after_step() {
  if (!options_.promote_when_caught_up || !building_) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || halted_ || env_.now() < switch_after_) return;
  Version* const to = built();
  if (to == nullptr) return;
  const auto switched = switch_to(*to);
  std::string trouble = switched ? std::string() : switched.error().text();
  if (!switched) switch_after_ = env_.now() + std::chrono::seconds(1);
  if (!switched && trouble != switch_trouble_) {
    env_.report(Severity::kWarn,
                fmt::format("projection_switch_waits projection={} version={} because={}", name_,
                            to->number(), trouble));
  }
  switch_trouble_ = std::move(trouble);
}

namespace {

constexpr int kIdleStepsMax = 100;

/// Steps until the run has all of `wanted` that is its. It is held.
Result<void> fold_up_to(TaskRun& run, const Checkpoint& wanted) {
  std::vector<InputPlace> own;
  for (const InputId& input : run.inputs()) own.push_back({input, wanted.next(input)});
  const Checkpoint goal(std::move(own));
  for (int idle_steps = 0; !run.task().checkpoint().covers(goal);) {
    STELE_TRY(const bool end, run.task().step(std::chrono::milliseconds(1)));
    idle_steps = end ? idle_steps + 1 : 0;
    if (idle_steps > kIdleStepsMax) {
      return fail(Code::kOverloaded, "{} does not get to where the other version is", run.folder());
    }
  }
  return {};
}

}  // namespace

/// Both are held. Where the effects of `from` end.
Result<Checkpoint> FlowGroup::leave_behind(Version& from, Version& to) {
  if (has_effects(*to.added.definition)) {
    // Only after a crash is the live one behind: it has let out what it has to fold again.
    const Checkpoint there = to.table()->checkpoint();
    for (const auto& run : from.runs) STELE_DO(fold_up_to(*run, there));
  }
  for (const auto& run : from.runs) {
    // What waits would wait for ever: it is muted from here on, and `to` begins behind its causes.
    Result<void> left = run->task().let_out();
    if (left) left = run->task().commit();
    if (left || run->task().status().state == FlowState::kStopped) continue;
    return std::unexpected(std::move(left).error());
  }
  return from.table()->checkpoint();
}

/// The live version is not added here. Nobody else may fold it while it is left behind.
Result<std::vector<std::unique_ptr<FolderLock>>> FlowGroup::take_over_from_absent(
    const Version& to) {
  std::vector<std::unique_ptr<FolderLock>> locks;
  std::vector<std::int32_t> tasks;
  for (const auto& run : to.runs) {
    tasks.push_back(run->number());
    const std::string folder = folders_.task_path(live_->version, run->number());
    if (!env_.list(folder)) continue;
    auto lock = env_.lock(folder);
    if (!lock) {
      return at(fmt::format("projection {}: its live version {} is at work elsewhere, version {} "
                            "takes its place when that has ended",
                            name_, live_->version, to.number()),
                std::move(lock).error());
    }
    locks.push_back(*std::move(lock));
  }
  STELE_DO(look_up_left_at(tasks));
  return locks;
}

Result<void> FlowGroup::switch_to(Version& to) {
  Version* const from = find(live_->version);
  std::vector<TaskRun::Hold> holds;
  if (from != nullptr) {
    for (const auto& run : from->runs) holds.push_back(run->hold());
  }
  for (const auto& run : to.runs) holds.push_back(run->hold());
  std::vector<std::unique_ptr<FolderLock>> locks;
  Checkpoint effects_from;
  if (from != nullptr) {
    STELE_TRY(effects_from, leave_behind(*from, to));
  } else {
    STELE_TRY(locks, take_over_from_absent(to));
    const std::scoped_lock lock(table_mutex_);
    effects_from = left_at_;
  }
  for (const auto& run : to.runs) {
    STELE_DO(fold_up_to(*run, effects_from));
    STELE_DO(run->task().commit());
  }
  STELE_DO(write_switch(to, effects_from));
  if (from != nullptr) {
    for (const auto& run : from->runs) run->task().set_effects_from(std::nullopt);
  }
  for (const auto& run : to.runs) run->task().set_effects_from(live_->effects_from);
  publish();
  env_.report(Severity::kInfo, fmt::format("projection_switched projection={} version={} from={}",
                                           name_, live_->version, live_->previous));
  return {};
}

Result<void> FlowGroup::write_switch(const Version& to, const Checkpoint& effects_from) {
  // Instances that share the folder each switch their own partitions: their places add up.
  STELE_TRY(const auto lock, env_.lock(folders_.path()));
  STELE_TRY(const auto there, folders_.read_live());
  if (there && there->version != live_->version && there->version != to.number()) {
    return fail(Code::kFenced, "projection {}: another process has made version {} live", name_,
                there->version);
  }
  LiveRecord record{to.number(), live_->version, std::max(live_->highest, to.number()), {}};
  if (there && there->version == to.number()) record.effects_from = there->effects_from;
  for (const InputPlace& place : effects_from.places()) {
    record.effects_from.set(place.input, place.next);
  }
  if (auto written = folders_.write_live(record); !written) {
    if (written.error().code == Code::kOutcomeUnknown) {
      halted_ = written.error();
      for (const auto& run : all_runs()) run->ask_to_stop();
    }
    return written;
  }
  live_ = std::move(record);
  return {};
}

// --- folding ---

bool FlowGroup::step() {
  std::vector<std::shared_ptr<TaskRun>> runs;
  {
    const std::scoped_lock lock(mutex_);
    if (halted_) return true;
    runs = all_runs();
  }
  bool is_done = true;
  for (const auto& run : runs) {
    is_done = run->step(std::chrono::nanoseconds(0)).value_or(true) && is_done;
  }
  return is_done;
}

Result<void> FlowGroup::trouble() const {
  const std::scoped_lock lock(mutex_);
  if (halted_) return std::unexpected(*halted_);
  const Version* const live = live_ ? find(live_->version) : nullptr;
  if (live == nullptr) return {};
  for (const auto& run : live->runs) {
    if (const auto error = run->error()) return std::unexpected(*error);
  }
  return {};
}

void FlowGroup::start_run(TaskRun& run) {
  run.start([this] { after_step(); });
}

void FlowGroup::start() {
  const std::scoped_lock lock(mutex_);
  started_ = true;
  for (const auto& run : all_runs()) start_run(*run);
}

void FlowGroup::stop() {
  std::vector<std::shared_ptr<TaskRun>> runs;
  {
    const std::scoped_lock lock(mutex_);
    started_ = false;
    runs = all_runs();
  }
  for (const auto& run : runs) run->ask_to_stop();
  for (const auto& run : runs) run->stop();
}

}  // namespace stele::projections
