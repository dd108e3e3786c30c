// Which call to the simulated disk goes wrong, and how. A plan says "the n-th write", "every sync
// from now on", "the third call of any kind on a file of this name".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"

namespace stele {

enum class SimOp : std::uint8_t {
  kAny,
  kOpen,  ///< of a file that is there
  kCreate,
  kRead,
  kWrite,
  kWriteDurably,  ///< its submission
  kComplete,      ///< its completion; numbered, never made to fail by itself
  kSync,
  kReserve,
  kTruncate,
  kRename,
  kRemove,
  kMakeFolder,
  kList,
  kSyncFolder,
  kLock,
};

enum class SimEffect : std::uint8_t {
  kIo,          ///< a write may be there in part; a failed sync is never made up for by a later one
  kNoSpace,     ///< a write may be there in part
  kOverloaded,  ///< no file descriptors left
  kShortRead,   ///< a read answers fewer bytes than there are
  kLost,        ///< a write answers success and does nothing
  kMisdirected  ///< a write answers success and lands on another page of the file
};

struct SimFault {
  SimOp op = SimOp::kAny;
  std::uint64_t nth = 0;  ///< how many matching calls go well before it
  SimEffect effect = SimEffect::kIo;
  bool sticky = false;  ///< every later matching call too
  std::string path{};   ///< only paths that contain this
};

class SimFaults {
public:
  void inject(SimFault fault) { planned_.push_back({std::move(fault), 0}); }
  void clear() { planned_.clear(); }
  /// Counts the call; the effect it shall have, if any.
  std::optional<SimEffect> on(SimOp op, std::string_view path);
  [[nodiscard]] std::size_t fired_count() const { return fired_count_; }

private:
  struct Planned {
    SimFault fault;
    std::uint64_t seen;
  };
  std::vector<Planned> planned_;
  std::size_t fired_count_ = 0;
};

}  // namespace stele
