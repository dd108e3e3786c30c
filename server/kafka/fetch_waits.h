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
#include <string>
#include <unordered_map>
#include <vector>

#include "server/core/timer_queue.h"
#include "server/kafka/fetch_read.h"
#include "server/kafka/metrics.h"
#include "server/kafka/request.h"

namespace stele::kafka {

/// One fetch, and how its targets go together in the answer.
struct FetchCall {
  struct Topic {
    std::string name;
    Uuid id;
    std::size_t target_count = 0;  ///< so many of the targets, from where the topic before ended
  };
  Request request;
  FetchRead read;
  std::vector<Topic> topics;
  std::vector<std::int32_t> partitions;  ///< of each target
  std::size_t min_bytes = 0;
  std::chrono::nanoseconds deadline{0};

  [[nodiscard]] bool is_enough() const { return read.must_answer() || read.bytes() >= min_bytes; }
  void finish(std::chrono::nanoseconds now);
};

class FetchWaits {
public:
  FetchWaits(server::TimerQueue& timers, Metrics& metrics);
  ~FetchWaits();

  void add(std::unique_ptr<FetchCall> call, std::chrono::nanoseconds now);
  /// There is more in the partition, or it has gone.
  void advanced(const TopicPartition& partition);
  void run(std::chrono::nanoseconds now);
  void finish_all(std::chrono::nanoseconds now);
  [[nodiscard]] std::size_t count() const { return waits_.size(); }

private:
  struct Wait;
  struct Place {
    Wait* wait;
    std::size_t target;
  };
  void wake(Wait& wait);
  void read_on(Wait& wait);
  void finish(Wait& wait, std::chrono::nanoseconds now);

  server::TimerQueue& timers_;
  Metrics& metrics_;
  std::unordered_map<Wait*, std::unique_ptr<Wait>> waits_;
  std::unordered_map<TopicPartition, std::vector<Place>> by_partition_;
  std::vector<Wait*> woken_;
  std::vector<Wait*> starved_;
};

}  // namespace stele::kafka
