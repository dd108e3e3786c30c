// The part of the work that is this instance's: the numbers of the partitions that it folds, as the
// Assignment says, carried out on every projection.
//
//   poll ─► removed: commit, close, let go ─► added: open (from the shared folder's snapshot, or
//   from the beginning) ─► confirm
//
// A store is one piece: its task (-1) is everybody's own. Threads: any; the assignment is polled by
// one at a time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "projections/engine/flow_group.h"
#include "projections/sources/assignment.h"

namespace stele::projections {

/// The engine's projections by name; none is ever taken out. Threads: any.
class FlowGroups {
public:
  [[nodiscard]] FlowGroup* find(std::string_view name) const;
  /// By name.
  [[nodiscard]] std::vector<FlowGroup*> all() const;
  /// `started`: it folds at once. If another thread was first, theirs.
  FlowGroup* insert(const std::string& name, std::unique_ptr<FlowGroup> group, bool started);

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<FlowGroup>, std::less<>> groups_;
};

class WorkShare {
public:
  /// `assignment` null: everything. All outlive it.
  WorkShare(FlowGroups& groups, Assignment* assignment, Env& env)
      : groups_(groups), assignment_(assignment), env_(env) {}
  ~WorkShare() { stop(); }
  WorkShare(const WorkShare&) = delete;
  WorkShare& operator=(const WorkShare&) = delete;

  /// The share stays as it is while it is held.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(poll_mutex_); }
  /// Those of `tasks` that are this instance's now.
  [[nodiscard]] std::vector<std::int32_t> own_tasks(const std::vector<std::int32_t>& tasks) const;

  /// Until the assignment has said something for the first time. kOverloaded: it has not.
  Result<void> wait_for_first(std::chrono::nanoseconds longest);
  /// Asks once and carries out what has changed. kFenced: everything was dropped; errors of opening
  /// tasks: they are tried again with the next poll.
  Result<void> poll(std::chrono::nanoseconds longest);

  /// Polls on a thread of its own.
  void start();
  void stop();
  [[nodiscard]] bool started() const { return started_; }

private:
  Result<void> carry_out(const AssignmentChange& change);
  Result<void> open_owned();
  void tell_progress();
  void work();

  FlowGroups& groups_;
  Assignment* assignment_;
  Env& env_;

  std::mutex poll_mutex_;     ///< of what follows
  bool assigned_ = false;     ///< the first share is here
  bool unconfirmed_ = false;  ///< a change is being carried out
  std::chrono::nanoseconds told_{0};

  mutable std::mutex owned_mutex_;
  std::vector<std::int32_t> owned_;

  std::atomic<bool> started_{false};
  std::atomic<bool> stop_{false};
  std::thread worker_;
};

}  // namespace stele::projections
