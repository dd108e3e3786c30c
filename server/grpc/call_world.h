// What the calls of the service share: the store, the threads, the limits, and who is there.
//
// Thread: as its members say. Outlives all calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "log/env/env.h"
#include "log/event_store/event_store.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/grpc_server.h"
#include "server/grpc/loop_gate.h"
#include "server/grpc/reader_pool.h"

namespace stele::rpc {

/// A call that lives until its client or the server ends it: told when the server stops, and when
/// the store has more.
class LongCall {
public:
  LongCall() = default;
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;
  virtual ~LongCall() = default;
  /// Ends soon, with what is under way done.
  virtual void drain() = 0;
  /// Called on the loop's thread: the store's end has moved.
  virtual void advanced() {}
};

/// The long calls there are.
class LongCalls {
public:
  /// False: there are `max` of this kind, or the server stops.
  bool add(LongCall& call, std::weak_ptr<LongCall> held, std::atomic<std::int64_t>& count,
           std::size_t max);
  void remove(LongCall& call, std::atomic<std::int64_t>& count);
  /// All that there are, now.
  void for_each(const std::function<void(LongCall&)>& visit);
  /// No more are added.
  void close();

private:
  std::mutex mutex_;
  bool closed_ = false;
  std::unordered_map<LongCall*, std::weak_ptr<LongCall>> calls_;
};

/// Counts what the store has yet to answer: held by the completion, so that the world outlives it.
class Unanswered {
public:
  explicit Unanswered(std::atomic<std::int64_t>& count) : count_(&count) { count.fetch_add(1); }
  Unanswered(Unanswered&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Unanswered& operator=(Unanswered&&) = delete;
  ~Unanswered() {
    if (count_ != nullptr) count_->fetch_sub(1);
  }

private:
  std::atomic<std::int64_t>* count_;
};

struct CallWorld {
  log::EventStore& events;
  Env& env;
  const GrpcOptions& options;
  CallQueue& queue;
  LoopGate& gate;
  ReaderPool& readers;
  LongCalls long_calls = {};
  GrpcCounters counters = {};
  std::atomic<std::int64_t> unanswered{0};
};

}  // namespace stele::rpc
