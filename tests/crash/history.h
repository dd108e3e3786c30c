// What was asked of a store and what it answered, in the order of asking: the one thing that every
// disk a crash can leave is judged by. The sequencer takes operations in this order, so what a
// recovered store holds is a prefix of it: everything acknowledged, and perhaps some of what was
// still under way, without a hole.
//
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/store/store.h"

namespace stele::crash {

/// The code of a broken promise: no store answers a read with it.
inline constexpr Code kBroken = Code::kConditionFailed;

enum class Answer : std::uint8_t {
  kNone,     ///< under way, or its outcome is unknown: it may be there
  kAcked,    ///< it must be there
  kRefused,  ///< it must not be there
};

enum class Kind : std::uint8_t { kAppend, kCreate, kConfigure, kDelete, kReserve, kTrim };

/// A topic that was asked for; its index in History::topics is its handle.
struct Topic {
  std::string name;
  std::int32_t partition_count = 1;
  std::optional<Uuid> id;  ///< once it is known
};

struct Place {
  std::size_t topic = 0;
  std::int32_t partition = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Batch {
  Place place;
  std::shared_ptr<const Bytes> bytes;
  std::int32_t record_count = 1;
  std::int64_t timestamp_ms = 0;
  std::int64_t producer = -1;
  std::int32_t first_sequence = -1;
};

struct Asked {
  Kind kind = Kind::kAppend;
  Answer answer = Answer::kNone;
  std::vector<Batch> batches;             ///< kAppend
  std::optional<std::size_t> retry_of{};  ///< a producer's further try of that one
  std::size_t topic = 0;                  ///< the other kinds
  log::TopicSettings settings;            ///< kCreate, kConfigure
  std::int64_t number = 0;                ///< kReserve: how many; kTrim: before which offset
  std::int32_t partition = 0;             ///< kTrim

  /// Records it adds to the store's total order.
  [[nodiscard]] std::int64_t record_count() const;
};

/// What readers saw of a partition: no crash may take it back.
struct Seen {
  Offset log_start;
  Offset end;
};

class History {
public:
  std::vector<Topic> topics;
  std::vector<Asked> asked;
  std::map<Place, Seen> seen;

  std::size_t ask(Asked one);
  /// False for what was refused, and for a retry of what was not.
  [[nodiscard]] bool counts(std::size_t index) const;
  /// The try that was taken: of a retry, the first one that was not refused.
  [[nodiscard]] std::size_t first_try(std::size_t index) const;
  /// How many were asked by the time the store's end was `end`, or what forbids that end: half of
  /// an operation is there, or something acknowledged is not. Operations without records (trims)
  /// right behind it are not counted in.
  [[nodiscard]] Result<std::size_t> prefix(Position end) const;
  /// After a recovery: what is there has happened, what is not never will.
  void settle(std::size_t prefix);
  [[nodiscard]] std::optional<std::size_t> find(const Uuid& id) const;
};

}  // namespace stele::crash
