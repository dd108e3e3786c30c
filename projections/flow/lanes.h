// The threads of a flow that folds in parallel: lanes, and one that reads ahead.
//
//   LotAhead   reads the next lot and shares it out, while …
//   LanePool   … every lane folds its part of this one; run() is over when all are
//
// Which lane folds a key is fixed, a lot is over before the next begins: the states are those of
// one lane, byte for byte. Threads: who owns them; each starts its own and joins them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "projections/flow/lot_work.h"

namespace stele::projections {

class LanePool {
public:
  /// The caller of run() is one of them.
  explicit LanePool(std::uint32_t lanes);
  ~LanePool();
  LanePool(const LanePool&) = delete;
  LanePool& operator=(const LanePool&) = delete;

  /// Calls `work(lane)` once for every lane, at the same time; returns when all have.
  void run(const std::function<void(std::uint32_t lane)>& work);

private:
  void serve(std::uint32_t lane);

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable done_;
  const std::function<void(std::uint32_t)>* work_ = nullptr;
  std::uint64_t turn_ = 0;     ///< of run()
  std::uint32_t working_ = 0;  ///< lanes that have not finished this turn
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

class LotAhead {
public:
  LotAhead(std::unique_ptr<SourceReader> reader, LotSharer sharer);
  ~LotAhead();
  LotAhead(const LotAhead&) = delete;
  LotAhead& operator=(const LotAhead&) = delete;

  /// The next lot; `work` is given back to be used again. False: there is none yet, `longest` has
  /// gone by. An error as SourceReader::next(): it is over then.
  Result<bool> take(LotWork& work, std::chrono::nanoseconds longest);

private:
  void serve();

  std::unique_ptr<SourceReader> reader_;
  LotSharer sharer_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable emptied_;
  std::optional<Result<LotWork>> next_;
  LotWork spare_;  ///< its memory is used again
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace stele::projections
