// The disks that power loss can leave of one disk: some chosen for their meaning, the others drawn.
//
//   canonical  nothing unsynced is there; all of it; each entry, size and page alone missing; each
//              alone there; the last write torn at every sector boundary, either half kept
//   random     by seed: everything up to some moment, mostly there, mostly gone, or by coin; a
//   third
//              of them with torn pages
//
// Thread: one; `disk` outlives this and does not change meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/support/sim_disk.h"

namespace stele {

class CrashStates {
public:
  explicit CrashStates(const SimDisk& disk);

  [[nodiscard]] std::size_t canonical_count() const;
  [[nodiscard]] SimDisk canonical(std::size_t index) const;
  [[nodiscard]] SimDisk random(std::uint64_t seed) const;

  /// `name` says how to get the state again: "canonical 12", "random 77".
  using Visit = std::function<void(const SimDisk& state, const std::string& name)>;
  /// Visits up to `count` states, no image twice: canonical ones, then random ones from `seed` on.
  /// Returns how many; fewer than `count` when the disk has no more or they are hard to draw.
  std::size_t each(std::size_t count, std::uint64_t seed, const Visit& visit) const;

private:
  [[nodiscard]] SimDisk one_alone(std::size_t index) const;
  [[nodiscard]] SimDisk torn(std::size_t index) const;

  const SimDisk& disk_;
  SimDisk::UnsyncedCounts counts_;
  std::vector<std::uint64_t> moments_;         // op numbers of all that is unsynced, sorted
  std::vector<std::size_t> last_write_pages_;  // which pages the newest write touched
};

}  // namespace stele
