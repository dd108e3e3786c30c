// Progress as text, and on a terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "projections/engine/engine.h"

namespace stele::projections {
namespace {

constexpr unsigned kPlainEvery = 25;  // calls, of a few a second, where lines cannot be rewritten

/// 12345678 as "12 345 678".
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t left = digits.size(); left > 3; left -= 3) digits.insert(left - 3, 1, ' ');
  return digits;
}

std::string duration_text(std::chrono::seconds length) {
  const auto count = length.count();
  if (count < 120) return fmt::format("{} s", count);
  if (count < 7200) return fmt::format("{} min {:02} s", count / 60, count % 60);
  return fmt::format("{} h {:02} min", count / 3600, count / 60 % 60);
}

std::int64_t folded_places(const Checkpoint& checkpoint) {
  std::int64_t count = 0;
  for (const InputPlace& place : checkpoint.places()) count += place.next;
  return count;
}

bool is_behind(const TaskStatus& task) {
  return task.flow.state == FlowState::kBehind || task.flow.state == FlowState::kRestoring;
}

/// Remembers what it wrote last, to write over it.
class ProgressLine {
public:
  ProgressLine(std::FILE* to, bool terminal) : to_(to), terminal_(terminal) {}

  void write(const EngineStatus& status) {
    const bool behind = std::ranges::any_of(status, is_behind);
    if (!behind && !told_) return;
    if (!terminal_ && behind && calls_++ % kPlainEvery != 0) return;
    const std::string text = terminal_ ? line_of(status) : lines_of(status);
    std::fputs(text.c_str(), to_);
    if (terminal_ && !behind) std::fputc('\n', to_);
    std::fflush(to_);
    told_ = behind;
  }

private:
  /// The one that is furthest behind, and how many others there are.
  static std::string line_of(const EngineStatus& status) {
    const auto worst = std::ranges::max_element(
        status, {}, [](const TaskStatus& task) { return task.flow.lag_events; });
    const auto behind = std::ranges::count_if(status, is_behind);
    std::string line = "\r" + progress_text(*worst);
    if (behind > 1) line += fmt::format("  (and {} more)", behind - 1);
    return line + "\x1b[K";
  }
  static std::string lines_of(const EngineStatus& status) {
    std::string lines;
    for (const TaskStatus& task : status) lines += progress_text(task) + "\n";
    return lines;
  }

  std::FILE* to_;
  bool terminal_;
  bool told_ = false;
  unsigned calls_ = 0;
};

}  // namespace

std::string progress_text(const TaskStatus& task) {
  const FlowStatus& flow = task.flow;
  std::string text = fmt::format("{} v{} {}", task.projection, task.version, name(task.role));
  if (task.task != "all") text += " " + task.task;
  if (flow.state == FlowState::kStopped || !task.error.empty()) {
    return text +
           "  stopped: " + (flow.stopped_because.empty() ? task.error : flow.stopped_because);
  }
  if (flow.state == FlowState::kRestoring) return text + "  restoring";
  if (flow.state == FlowState::kLive) {
    return text + fmt::format("  caught up, {} keys", grouped(flow.states.key_count));
  }
  const std::int64_t done = folded_places(flow.checkpoint);
  const std::int64_t all = std::max<std::int64_t>(done + flow.lag_events, 1);
  text += fmt::format("  {:>3} %  {} of {} events  {}/s", done * 100 / all,
                      grouped(static_cast<std::uint64_t>(done)),
                      grouped(static_cast<std::uint64_t>(all)),
                      grouped(static_cast<std::uint64_t>(flow.events_per_second)));
  if (task.time_left) text += "  " + duration_text(*task.time_left) + " left";
  return text;
}

Progress progress_on(std::FILE* to) {
  auto line = std::make_shared<ProgressLine>(to, ::isatty(::fileno(to)) == 1);
  return [line](const EngineStatus& status) { line->write(status); };
}

}  // namespace stele::projections
