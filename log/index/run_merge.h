// Makes one run out of several that follow each other. Streams, in pieces.
//
// A term's postings are those of its runs one after the other; its base is that of the oldest one,
// or follows from a newer one's. A run that begins at position 0 knows all of them. Event ids that
// nobody wants any more are left out.
// Thread: one at a time (pieces run off the core one after the other).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "log/index/run_join.h"
#include "log/index/run_writer.h"

namespace stele::log {

class RunMerge {
public:
  /// `inputs`: at least two, oldest first. Event ids whose last event is before `ids_wanted_from`
  /// are dropped.
  RunMerge(Env& env, const std::string& folder, const Uuid& store, const TermHasher& hasher,
           std::vector<RunPtr> inputs, Position ids_wanted_from);

  /// Does a part of the work, some 8 MiB; true: the merged run is durable and has its name. Ends
  /// early if `stop` is set. As RunWriter, and kCorrupt, kIo of an input.
  Result<bool> step(const std::atomic<bool>& stop);
  void discard() { writer_.discard(); }

  [[nodiscard]] const std::vector<RunPtr>& inputs() const { return inputs_; }
  [[nodiscard]] RunRange range() const { return writer_.range(); }

private:
  Result<void> write_term(const std::atomic<bool>& stop);

  std::vector<RunPtr> inputs_;
  Position ids_wanted_from_;
  RunJoin join_;
  RunWriter writer_;
  bool begun_ = false;
  bool joined_ = false;
};

}  // namespace stele::log
