// The crash campaign over streams: one life (StreamLife) is cut off at every change of the disk; on
// each disk that this can leave, and after a second crash on a share of them, the store is opened
// and judged, with the index that is there and with one built anew.
//
// Thread: one.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "tests/crash/stream_life.h"
#include "tests/support/crash_states.h"
#include "tests/support/sim_random.h"

namespace stele::crash {

struct StreamCampaignOptions {
  std::uint64_t count = 1500;  ///< disks wanted
  std::uint64_t seed = 1;
  std::int64_t change = -1;  ///< only this one, to replay a failure
};

struct StreamCampaignCounts {
  std::uint64_t changes = 0;  ///< of the undisturbed life
  std::uint64_t disks = 0;    ///< judged, no image twice
  std::uint64_t nested = 0;
  std::int64_t scavenged = 0;  ///< events, in the undisturbed life
  std::int64_t tombstoned = 0;
};

class StreamCampaign {
public:
  explicit StreamCampaign(const StreamCampaignOptions& options)
      : options_(options), random_(options.seed) {}

  /// Empty, or the first broken promise with what replays it.
  std::string run();
  [[nodiscard]] const StreamCampaignCounts& counts() const { return counts_; }

private:
  std::string undisturbed();
  std::string crash_at(std::uint64_t change, std::uint64_t quota);
  std::string judge_nested(const SimDisk& disk, StreamHistory history);

  StreamCampaignOptions options_;
  StreamCampaignCounts counts_;
  SimRandom random_;
  std::set<ImageHash> images_;
};

}  // namespace stele::crash
