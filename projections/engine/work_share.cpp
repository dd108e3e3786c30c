#include "projections/engine/work_share.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::chrono::milliseconds kPollLongest{100};
constexpr std::chrono::seconds kTellEvery{5};

}  // namespace

FlowGroup* FlowGroups::find(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : found->second.get();
}

std::vector<FlowGroup*> FlowGroups::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<FlowGroup*> groups;
  for (const auto& [name, group] : groups_) groups.push_back(group.get());
  return groups;
}

FlowGroup* FlowGroups::insert(const std::string& name, std::unique_ptr<FlowGroup> group,
                              bool started) {
  const std::scoped_lock lock(mutex_);
  const auto [at, inserted] = groups_.try_emplace(name, std::move(group));
  if (inserted && started) at->second->start();
  return at->second.get();
}

std::vector<std::int32_t> WorkShare::own_tasks(const std::vector<std::int32_t>& tasks) const {
  if (assignment_ == nullptr) return tasks;
  const std::scoped_lock lock(owned_mutex_);
  std::vector<std::int32_t> own;
  for (const std::int32_t task : tasks) {
    if (task < 0 || std::ranges::count(owned_, task) != 0) own.push_back(task);
  }
  return own;
}

Result<void> WorkShare::wait_for_first(std::chrono::nanoseconds longest) {
  if (assignment_ == nullptr) return {};
  const std::chrono::nanoseconds deadline = env_.now() + longest;
  while (true) {
    STELE_DO(poll(std::min<std::chrono::nanoseconds>(kPollLongest, longest)));
    {
      const std::scoped_lock lock(poll_mutex_);
      if (assigned_) return {};
    }
    if (env_.now() >= deadline) {
      return fail(Code::kOverloaded, "no share of the work was assigned within {} s",
                  std::chrono::duration_cast<std::chrono::seconds>(longest).count());
    }
  }
}

Result<void> WorkShare::poll(std::chrono::nanoseconds longest) {
  if (assignment_ == nullptr) return {};
  const std::scoped_lock lock(poll_mutex_);
  if (!unconfirmed_) {
    auto change = assignment_->poll(longest);
    if (!change) {
      if (change.error().code != Code::kFenced) return std::unexpected(std::move(change).error());
      for (FlowGroup* const group : groups_.all()) group->drop_tasks();
      const std::scoped_lock owned_lock(owned_mutex_);
      owned_.clear();
      return std::unexpected(std::move(change).error());
    }
    if (change->added.empty() && change->removed.empty()) {
      tell_progress();
      return {};
    }
    unconfirmed_ = true;
    STELE_DO(carry_out(*change));
  }
  // The one who had a task may not have let go of its folder yet: the change stays unconfirmed, and
  // the next poll tries again.
  if (auto opened = open_owned(); !opened) {
    if (opened.error().code == Code::kAlreadyExists) return {};
    return opened;
  }
  STELE_DO(assignment_->confirm());
  unconfirmed_ = false;
  assigned_ = true;
  return {};
}

Result<void> WorkShare::carry_out(const AssignmentChange& change) {
  {
    const std::scoped_lock lock(owned_mutex_);
    std::erase_if(owned_, [&](std::int32_t task) {
      return std::ranges::count(change.removed, task) + std::ranges::count(change.added, task) != 0;
    });
    owned_.insert(owned_.end(), change.added.begin(), change.added.end());
  }
  for (FlowGroup* const group : groups_.all()) {
    if (auto closed = group->close_tasks(change.removed); !closed) {
      // What was not committed is folded again by the next owner: said, and gone on.
      env_.report(Severity::kWarn,
                  fmt::format("projection_task_not_committed because={}", closed.error().text()));
    }
  }
  return {};
}

Result<void> WorkShare::open_owned() {
  std::vector<std::int32_t> owned;
  {
    const std::scoped_lock lock(owned_mutex_);
    owned = owned_;
  }
  for (FlowGroup* const group : groups_.all()) STELE_DO(group->open_tasks(owned));
  return {};
}

void WorkShare::tell_progress() {
  if (env_.now() - told_ < kTellEvery) return;
  told_ = env_.now();
  std::map<InputId, std::int64_t> least;
  for (const FlowGroup* const group : groups_.all()) {
    const Checkpoint checkpoint = group->checkpoint();
    for (const InputPlace& place : checkpoint.places()) {
      const auto [at, inserted] = least.try_emplace(place.input, place.next);
      if (!inserted) at->second = std::min(at->second, place.next);
    }
  }
  std::vector<InputPlace> places;
  for (const auto& [input, next] : least) {
    if (!input.is_store()) places.push_back({input, next});
  }
  if (places.empty()) return;
  // For tools that show lag alone: nothing depends on it, the next one is as good.
  static_cast<void>(assignment_->commit(Checkpoint(std::move(places))));
}

void WorkShare::start() {
  if (assignment_ == nullptr || started_) {
    started_ = true;
    return;
  }
  started_ = true;
  stop_ = false;
  worker_ = std::thread([this] { work(); });
}

void WorkShare::work() {
  while (!stop_) {
    const auto polled = poll(kPollLongest);
    if (polled) continue;
    env_.report(Severity::kError,
                fmt::format("projection_assignment_failed because={}", polled.error().text()));
    if (polled.error().code == Code::kFenced) return;
    for (int waits = 0; waits < 10 && !stop_; ++waits) env_.pause(kPollLongest);
  }
}

void WorkShare::stop() {
  stop_ = true;
  if (worker_.joinable()) worker_.join();
  started_ = false;
}

}  // namespace stele::projections
