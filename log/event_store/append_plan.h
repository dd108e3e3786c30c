// From what a caller asks to append to what the store appends: topics by name to ids, events to
// record batches with their terms, expectations and conditions to what the sequencer checks.
//
//   events in request order ─► runs of one topic-partition ─► batches (≤ kEventBatchBytes, or one
//   event)
//
// An event goes to the partition of its stream's newest event, else where murmur2 says; events
// without a stream go to one partition for the whole append, the next one in turn. Looking for the
// newest event also brings the heads that the sequencer will ask for into memory.
// Thread: the caller's; may read the disk.
#pragma once

#include <atomic>

#include "log/event_store/event_store.h"

namespace stele::log {

/// A batch is closed behind this many bytes: small ones make it cheap to read one event of a
/// stream.
inline constexpr std::size_t kEventBatchBytes = 32 << 10;
inline constexpr std::size_t kExpectationsMax = 1024;
inline constexpr std::size_t kStreamBytesMax = 64 << 10;

struct AppendPlan {
  EventAppend append;
  std::vector<TopicPtr> topics;  ///< of each event
  struct Slot {
    std::size_t batch = 0;
    std::int32_t record = 0;
  };
  std::vector<Slot> slots;                  ///< of each event: where in the request it stands
  std::vector<std::size_t> expectation_of;  ///< of each AppendChecks::streams
  std::shared_ptr<AppendChecks> checks;     ///< not null
  AppendRequest request;
};

/// `turn` counts appends with events that have no stream. kInvalid, kTooLarge, kNotFound (topic),
/// kUnsupported (an expectation on a topic that is not indexed), kCorrupt, kIo.
Result<AppendPlan> plan_append(const Store& store, EventAppend append,
                               std::atomic<std::uint32_t>& turn);

}  // namespace stele::log
