// Runs operations on a store over a simulated disk and writes down what was asked and answered. A
// verb does nothing once the disk has crashed or the store has stopped, so that a workload is
// written as if all went well.
//
// Thread: one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/crash/history.h"
#include "tests/support/sim_env.h"

namespace stele::crash {

inline constexpr const char* kFolder = "/data";

/// Small enough that laps, checkpoints and growth happen within a few dozen operations.
[[nodiscard]] log::StoreOptions small_options();

class Driver {
public:
  Driver(SimEnv& env, History& history, log::StoreOptions options = small_options());
  ~Driver();

  // --- the store's life ---
  Result<void> open();
  /// A clean close, then open again.
  void reopen();
  void close();
  /// The store's memory is gone, the disk is not.
  void kill() { store_.reset(); }

  // --- topics ---
  std::size_t create(const std::string& name, std::int32_t partitions = 1,
                     log::TopicSettings settings = {});
  void configure(std::size_t topic, log::TopicSettings settings);
  void drop(std::size_t topic);
  void reserve(std::int32_t count);

  /// From now on the records appended have so many different keys, and every seventh batch holds
  /// tombstones; 0: one key, no tombstones.
  void keys(std::size_t count) { key_count_ = count; }

  // --- appending; waits for the answer unless pipelined ---
  void pipelined(bool on) { pipelined_ = on; }
  void append(Place place, std::int32_t records = 1, std::size_t value_bytes = 60);
  void append_all(const std::vector<Place>& places, std::int32_t records = 1,
                  std::size_t value_bytes = 60);
  /// The next batch of an idempotent producer.
  void produce(std::int64_t producer, Place place, std::int32_t records = 1);
  /// A producer's batch once more: `back` 0 is its newest.
  void retry(std::int64_t producer, Place place, std::size_t back = 0);
  void poll();
  /// Until everything submitted is answered.
  void settle();

  // --- the rest ---
  void trim(Place place, Offset before);
  /// One past the last record known to be acknowledged there.
  [[nodiscard]] Offset end(Place place) const;
  void maintain(std::chrono::nanoseconds later);
  /// Lets compaction find and do what is due (options.compaction_interval of 0).
  void compact(int polls = 40);
  void jump_wall(std::chrono::microseconds by) { env_.jump_wall(by); }
  /// Notes what readers see now, and judges all of it.
  void look();

  /// From now on it is no broken promise to refuse an append (the disk is full).
  void allow_refusals() { refusals_allowed_ = true; }
  [[nodiscard]] bool alive() const;
  [[nodiscard]] bool store_is(log::StoreState state) const {
    return store_ == nullptr ? state == log::StoreState::kClosed : store_->state() == state;
  }
  /// Everything that might write, on a store that should not.
  void poke();
  [[nodiscard]] log::Store& store() { return *store_; }
  /// True if compact() does something.
  [[nodiscard]] bool compacts() const { return options_.compaction_interval.count() == 0; }
  [[nodiscard]] SimEnv& env() { return env_; }
  [[nodiscard]] History& history() { return history_; }
  /// A promise broken while the store ran; empty if none was.
  [[nodiscard]] const std::string& broken() const { return broken_; }
  /// Refusals of what should have been taken (an append to a healthy store).
  [[nodiscard]] std::size_t refused() const { return refused_; }
  /// The codes of all refusals, in order.
  [[nodiscard]] const std::vector<Code>& refusals() const { return refusals_; }

private:
  Batch make_batch(Place place, std::int32_t records, std::size_t value_bytes,
                   std::int64_t producer, std::int32_t sequence);
  void ask_append(std::vector<Batch> batches, std::optional<std::size_t> retry_of);
  void answered(std::size_t index, const Result<log::AppendOutcome>& result);
  void answer(std::size_t index, const std::optional<Error>& error);
  void check_outcome(std::size_t index, const log::AppendOutcome& outcome);
  void expect(bool holds, const std::string& what);

  SimEnv& env_;
  History& history_;
  log::StoreOptions options_;
  std::unique_ptr<log::Store> store_;
  bool pipelined_ = false;
  std::size_t key_count_ = 0;
  bool refusals_allowed_ = false;
  std::size_t pending_ = 0;
  std::size_t refused_ = 0;
  std::vector<Code> refusals_;
  std::string broken_;
};

}  // namespace stele::crash
