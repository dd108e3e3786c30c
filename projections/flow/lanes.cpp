#include "projections/flow/lanes.h"

#include <utility>

namespace stele::projections {
namespace {

// How long the reading thread may be deaf to the end.
constexpr std::chrono::milliseconds kWaitMax{50};

}  // namespace

// --- LanePool ---

LanePool::LanePool(std::uint32_t lanes) {
  for (std::uint32_t lane = 1; lane < lanes; ++lane)
    threads_.emplace_back([this, lane] { serve(lane); });
}

LanePool::~LanePool() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void LanePool::run(const std::function<void(std::uint32_t lane)>& work) {
  {
    const std::scoped_lock lock(mutex_);
    work_ = &work;
    working_ = static_cast<std::uint32_t>(threads_.size());
    ++turn_;
  }
  begun_.notify_all();
  work(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return working_ == 0; });
  work_ = nullptr;
}

void LanePool::serve(std::uint32_t lane) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    begun_.wait(lock, [&] { return closed_ || turn_ != seen; });
    if (closed_) return;
    seen = turn_;
    const auto* work = work_;
    lock.unlock();
    (*work)(lane);
    lock.lock();
    if (--working_ == 0) done_.notify_one();
  }
}

// --- LotAhead ---

LotAhead::LotAhead(std::unique_ptr<SourceReader> reader, LotSharer sharer)
    : reader_(std::move(reader)), sharer_(std::move(sharer)), thread_([this] { serve(); }) {}

LotAhead::~LotAhead() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  emptied_.notify_all();
  thread_.join();
}

Result<bool> LotAhead::take(LotWork& work, std::chrono::nanoseconds longest) {
  std::unique_lock lock(mutex_);
  if (!filled_.wait_for(lock, longest, [this] { return next_.has_value(); })) return false;
  if (!*next_) return std::unexpected(next_->error());
  // The lot before is let go of here, before the reader may use its memory again.
  std::swap(work, **next_);
  spare_ = std::move(**next_);
  spare_.lot.reset();
  next_.reset();
  lock.unlock();
  emptied_.notify_one();
  return true;
}

void LotAhead::serve() {
  for (;;) {
    auto lot = reader_->next(kWaitMax);
    std::unique_lock lock(mutex_);
    if (closed_) return;
    if (!lot) {
      next_ = std::unexpected(std::move(lot).error());
      lock.unlock();
      filled_.notify_one();
      return;
    }
    LotWork work = std::move(spare_);
    lock.unlock();
    sharer_.share(*std::move(lot), work);
    lock.lock();
    next_ = std::move(work);
    filled_.notify_one();
    emptied_.wait(lock, [this] { return closed_ || !next_.has_value(); });
    if (closed_) return;
  }
}

}  // namespace stele::projections
