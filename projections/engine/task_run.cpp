#include "projections/engine/task_run.h"

#include <utility>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::chrono::milliseconds kStepLongest{50};  // how long a holder may have to wait
constexpr std::chrono::seconds kRetryPause{1};

bool may_pass(Code code) {
  return code == Code::kIo || code == Code::kNoSpace || code == Code::kOverloaded ||
         code == Code::kOutcomeUnknown;
}

class NoGate final : public Gate {
public:
  [[nodiscard]] std::optional<std::int64_t> limit(const InputId&) const override { return {}; }
  void wait(const InputId&, std::int64_t, std::chrono::nanoseconds) const override {}
};
const NoGate kNoGate;

}  // namespace

TaskRun::TaskRun(TaskRunSpec spec, Source& source)
    : spec_(std::move(spec)),
      gated_(source, spec_.gate != nullptr ? static_cast<const Gate&>(*spec_.gate) : kNoGate) {}

TaskRun::~TaskRun() {
  stop();
}

Result<std::shared_ptr<TaskRun>> TaskRun::open(TaskRunSpec spec, Source& source, Env& env) {
  STELE_DO(env.make_folder(spec.options.folder));
  std::shared_ptr<TaskRun> run(new TaskRun(std::move(spec), source));
  Source& through = run->spec_.gate != nullptr ? static_cast<Source&>(run->gated_) : source;
  const Definition& definition = *run->spec_.definition;
  auto task =
      FlowTask::open(run->spec_.definition, through, run->spec_.inputs, env, run->spec_.options);
  if (!task) {
    return at(fmt::format("projection {} version {}", definition.name, definition.version),
              std::move(task).error());
  }
  run->task_ = *std::move(task);
  return run;
}

void TaskRun::acquire() {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.wait(lock, [this] { return !held_; });
  --waiting_;
  held_ = true;
}

bool TaskRun::acquire_for_worker() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || (!held_ && waiting_ == 0); });
  if (stop_) return false;
  held_ = true;
  return true;
}

void TaskRun::release() {
  {
    const std::scoped_lock lock(mutex_);
    held_ = false;
  }
  changed_.notify_all();
}

Result<bool> TaskRun::step(std::chrono::nanoseconds longest) {
  const Hold held = hold();
  return step_held(longest);
}

Result<bool> TaskRun::step_held(std::chrono::nanoseconds longest) {
  auto stepped = task_->step(longest);
  caught_up_.store(stepped.value_or(false), std::memory_order_release);
  const std::scoped_lock lock(mutex_);
  error_ = stepped ? std::nullopt : std::optional(stepped.error());
  return stepped;
}

std::optional<Error> TaskRun::error() const {
  const std::scoped_lock lock(mutex_);
  return error_;
}

void TaskRun::start(std::function<void()> after_step) {
  stop();
  {
    const std::scoped_lock lock(mutex_);
    stop_ = false;
  }
  worker_ = std::thread([this, after_step = std::move(after_step)] { work(after_step); });
}

void TaskRun::work(const std::function<void()>& after_step) {
  while (acquire_for_worker()) {
    const auto stepped = step_held(kStepLongest);
    release();
    after_step();
    if (stepped) continue;
    if (!may_pass(stepped.error().code)) return;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kRetryPause, [this] { return stop_; });
  }
}

void TaskRun::ask_to_stop() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void TaskRun::stop() {
  ask_to_stop();
  if (worker_.joinable()) worker_.join();
}

Result<void> TaskRun::close() {
  stop();
  const Hold held = hold();
  return task_->commit();
}

}  // namespace stele::projections
