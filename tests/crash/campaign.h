// The crash campaign of one workload: crashes at every change of the disk, on each disk that this
// can leave the store is opened and judged; on a share of them it crashes again while it recovers
// or right after, or is stopped cleanly and opened once more.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "tests/crash/workloads.h"
#include "tests/support/crash_states.h"
#include "tests/support/sim_random.h"

namespace stele::crash {

struct CampaignCounts {
  std::uint64_t changes = 0;    ///< of the undisturbed run
  std::uint64_t distinct = 0;   ///< disks judged, no image twice
  std::uint64_t killed = 0;     ///< after kill -9
  std::uint64_t nested = 0;     ///< after a second crash
  std::uint64_t restarted = 0;  ///< stopped cleanly and judged again
};

struct CampaignOptions {
  std::uint64_t count = 8000;  ///< distinct disks wanted
  std::uint64_t seed = 1;
  std::int64_t change = -1;  ///< only this one, to replay a failure
};

class Campaign {
public:
  Campaign(const Workload& workload, const CampaignOptions& options);

  /// Empty, or the first broken promise with what replays it.
  std::string run();
  [[nodiscard]] const CampaignCounts& counts() const { return counts_; }

private:
  struct Crashed {
    SimDisk disk;
    History history;
    bool finished = false;  ///< the workload ended before that change
  };
  std::string prepare();
  Crashed crash_at(std::uint64_t change, std::uint64_t seed, std::string& broken);
  std::string judge_states(const Crashed& crashed, std::uint64_t quota);
  std::string judge_disk(const SimDisk& disk, History history, bool restart);
  std::string judge_nested(const SimDisk& disk, History history);
  static void probe(Driver& driver);

  const Workload& workload_;
  CampaignOptions options_;
  CampaignCounts counts_;
  SimRandom random_;
  SimDisk base_disk_;
  History base_history_;
  std::set<ImageHash> images_;
};

}  // namespace stele::crash
