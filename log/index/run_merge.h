// Makes one run out of several that follow each other. Streams, in pieces.
//
// A term's postings are those of its runs one after the other; its base is that of the oldest one,
// or follows from a newer one's. A run that begins at position 0 knows all of them. If all older
// runs are read beside the inputs, every base is known: then a head is found with one block, in the
// newest run that has the term. Event ids that nobody wants any more are left out.
// Thread: one at a time (pieces run off the core one after the other).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "log/index/run_join.h"
#include "log/index/run_writer.h"

namespace stele::log {

class RunMerge {
public:
  struct Plan {
    std::vector<RunPtr> inputs;  ///< at least one, oldest first, each behind the other
    std::vector<RunPtr> older;   ///< none, or all before the inputs: read for what they count
    Position ids_wanted_from;    ///< event ids whose last event is before it are dropped
  };
  RunMerge(Env& env, const std::string& folder, const Uuid& store, const TermHasher& hasher,
           Plan plan);

  /// Does a part of the work, some 8 MiB; true: the merged run is durable and has its name. Ends
  /// early if `stop` is set. As RunWriter, and kCorrupt, kIo of an input.
  Result<bool> step(const std::atomic<bool>& stop);
  void discard() { writer_.discard(); }

  [[nodiscard]] const std::vector<RunPtr>& inputs() const { return plan_.inputs; }
  [[nodiscard]] RunRange range() const { return writer_.range(); }

private:
  using Parts = std::span<RunCursor* const>;
  Result<void> write_term(const std::atomic<bool>& stop);
  [[nodiscard]] Result<std::optional<std::int64_t>> base_of(Parts older, Parts inputs) const;

  Plan plan_;
  RunJoin join_;
  RunWriter writer_;
  bool begun_ = false;
  bool joined_ = false;
};

}  // namespace stele::log
