// Fetches that wait until there is enough to answer with: the long poll.
//
//   add ─► waits ── a partition advances ─► reads on ─► enough? ─► answered
//                └─ max_wait has gone by ──────────────────────────► answered with what there is
//
// Partitions advance inside the store's poll; the reading is done afterwards, in run(), once for
// all that moved. Thread: the loop's.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "server/core/timer_queue.h"
#include "server/kafka/fetch_call.h"
#include "server/kafka/fetch_index.h"
#include "server/kafka/metrics.h"

namespace stele::kafka {

class FetchWaits {
public:
  struct Limits {
    std::size_t calls_max = 20'000;
    std::size_t targets_max = 100'000;  ///< of all calls together
  };

  FetchWaits(const log::Store& store, server::TimerQueue& timers, FetchIndex& index,
             FetchSessionCache& sessions, Metrics& metrics, Limits limits);
  ~FetchWaits();

  /// Waits for more, unless too many do: then the call is answered with what it has.
  void add(std::unique_ptr<FetchCall> call, std::chrono::nanoseconds now);
  /// There is more in the partition, or it has gone.
  void advanced(const TopicPartition& partition);
  /// A later request of the session is here: the call that waits for it is told so.
  void refuse(FetchCall& call, std::chrono::nanoseconds now);
  void run(std::chrono::nanoseconds now);
  void finish_all(std::chrono::nanoseconds now);
  [[nodiscard]] std::size_t count() const { return waits_.size(); }

private:
  void wake(FetchCall& call);
  void finish(FetchCall& call, std::chrono::nanoseconds now);

  const log::Store& store_;
  server::TimerQueue& timers_;
  FetchIndex& index_;
  FetchSessionCache& sessions_;
  Metrics& metrics_;
  const Limits limits_;
  std::size_t target_count_ = 0;
  std::unordered_map<FetchCall*, std::unique_ptr<FetchCall>> waits_;
  std::vector<FetchCall*> woken_;
  std::vector<FetchCall*> starved_;
};

}  // namespace stele::kafka
