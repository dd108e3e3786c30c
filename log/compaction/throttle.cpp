#include "log/compaction/throttle.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::log {

Result<void> Throttle::took(std::uint64_t bytes) {
  using namespace std::chrono_literals;
  bytes_ += bytes;
  while (!cancelled() && bytes_per_second_ > 0) {
    const double seconds = static_cast<double>(bytes_) / static_cast<double>(bytes_per_second_);
    const auto due = began_ + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::duration<double>(seconds));
    const auto now = env_.now();
    if (now >= due) break;
    // In short naps, so that a cancelled one ends soon.
    env_.pause(std::min<std::chrono::nanoseconds>(due - now, 50ms));
  }
  if (cancelled()) return fail(Code::kCancelled, "compaction is not wanted any more");
  return {};
}

}  // namespace stele::log
