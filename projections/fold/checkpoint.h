// How far a fold has got: for each of its inputs the next place to read.
//
// An input is a whole store (its one total order: the place is a Position) or a partition of a
// topic (the place is an Offset). A state is a function of the events below its checkpoint, in the
// order of the inputs' places. Thread: value types.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"

namespace stele::projections {

struct InputId {
  std::string topic;            ///< empty: a whole store
  std::int32_t partition = -1;  ///< -1: a whole store

  [[nodiscard]] static InputId store() { return {}; }
  [[nodiscard]] bool is_store() const { return partition < 0; }
  friend auto operator<=>(const InputId&, const InputId&) = default;
};

struct InputPlace {
  InputId input;
  std::int64_t next = 0;  ///< everything below it is in
  friend auto operator<=>(const InputPlace&, const InputPlace&) = default;
};

class Checkpoint {
public:
  Checkpoint() = default;
  [[nodiscard]] static Checkpoint of_store(std::int64_t next) { return Checkpoint({{{}, next}}); }
  /// Any order; the last one of an input counts.
  explicit Checkpoint(std::vector<InputPlace> places);

  /// Sorted by input.
  [[nodiscard]] const std::vector<InputPlace>& places() const { return places_; }
  /// 0 if the input is not in it.
  [[nodiscard]] std::int64_t next(const InputId& input) const;
  void set(const InputId& input, std::int64_t next);
  /// True if this one is at least as far in every input that `other` names.
  [[nodiscard]] bool covers(const Checkpoint& other) const;

  /// Appends: count u32 | per place: topic length u32, topic, partition i32, next i64;
  /// little-endian.
  void encode(Bytes& to) const;
  /// kCorrupt. Takes what it reads off `from`.
  [[nodiscard]] static Result<Checkpoint> decode(ByteView& from);

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;

private:
  std::vector<InputPlace> places_;
};

}  // namespace stele::projections
