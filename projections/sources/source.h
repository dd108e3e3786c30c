// Where events come from, in the order in which they are folded.
//
//   Source ── open(topics, from) ──► SourceReader ── next() ──► Lot, Lot, … (end) … Lot
//
// A lot is of one input (a whole store, or one partition): its events stand in the input's order,
// and `next` is the place behind the last. Nothing is left out or given twice between lots; what
// does not interest (other topics, removed events) is passed over by `next`.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"
#include "projections/fold/checkpoint.h"
#include "projections/fold/input_event.h"
#include "projections/sources/event_access.h"

namespace stele::projections {

/// Events of one input. Owner of what the views show: the lot (a class of the source's own).
class Lot {
public:
  Lot() = default;
  Lot(const Lot&) = delete;
  Lot& operator=(const Lot&) = delete;
  virtual ~Lot() = default;

  InputId input;
  std::span<const InputEvent> events;
  std::int64_t next = 0;  ///< place behind the lot
  std::int64_t input_end =
      0;             ///< the input's end when the lot was read: what is left is their distance
  bool end = false;  ///< nothing more in any input as of now: the reader has caught up
};
using LotPtr = std::shared_ptr<const Lot>;

/// Thread: one at a time.
class SourceReader {
public:
  SourceReader() = default;
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;
  virtual ~SourceReader() = default;
  /// The next events; at the end a lot without events that has `end` set. Blocks for disk or
  /// network, at most `longest` for what is not there yet. kCorrupt (place named), kOutOfRange
  /// (removed below the checkpoint: rebuild), kNotFound (a topic was deleted), kIo: over.
  virtual Result<LotPtr> next(std::chrono::nanoseconds longest) = 0;
};

/// Threads: any. `Env` where it needs time.
class Source {
public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// "store 1b9d… in data/", "kafka localhost:9092": for messages and pictures.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The inputs that hold these topics: one for a whole store, else each partition. kNotFound names
  /// the topic.
  virtual Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) = 0;
  /// Reads `inputs` from the places that `from` names (others: the beginning).
  virtual Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                                     const std::vector<InputId>& inputs,
                                                     const Checkpoint& from) = 0;
  /// One past the last event that can be read of each input, now.
  virtual Result<Checkpoint> end(const std::vector<InputId>& inputs) = 0;

  /// Checkpoints as clients see them. A store's tokens are those that its appends answer.
  virtual Result<std::string> token(const Checkpoint& checkpoint) = 0;
  virtual Result<Checkpoint> parse_token(std::string_view token) = 0;

  /// Keyed reads and appends; null: the source has none (a Kafka cluster).
  virtual EventAccess* events() = 0;
  /// Appends for effects, parked events and published changes, in order, durable when it returns.
  /// An event whose id is there already is not appended again, where the source can tell (a store,
  /// for 24 hours at least). Kafka: idempotent producer; once again after a crash.
  virtual Result<void> append(std::vector<log::TopicEvent> events) = 0;
};

}  // namespace stele::projections
