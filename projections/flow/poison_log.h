// The events that a flow has passed over: kept with its checkpoint, so that a restart knows them.
//
//   length u32 | format u16 | count u32 | per event: origin, input topic, partition i32, place i64,
//   event, reason, parked u8        texts as length u32 and bytes; little-endian; docs/formats.md
//
// An event is in it once, by its origin: "topic/partition/offset". Bounded by who adds: full().
// Thread: its owner's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "projections/flow/flow_task.h"
#include "projections/fold/input_event.h"

namespace stele::projections {

/// "orders/3/1042": where an event stands.
[[nodiscard]] std::string origin_of(const InputEvent& event);

class PoisonLog {
public:
  explicit PoisonLog(std::size_t count_max) : count_max_(count_max) {}

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] bool full() const { return records_.size() >= count_max_; }
  [[nodiscard]] bool holds(std::string_view origin) const { return records_.contains(origin); }
  /// An event that is in it keeps its place, and gets the new reason.
  void add(const std::string& origin, PoisonRecord record);
  /// The copy of the event was refused: it is only recorded.
  void not_parked(std::string_view origin, std::string_view why);
  /// False: it is not in it.
  bool take_off(std::string_view origin);
  [[nodiscard]] std::set<std::string, std::less<>> origins() const;
  /// By input and place.
  [[nodiscard]] std::vector<PoisonRecord> records() const;

  void encode(Bytes& to) const;
  /// Replaces what is in it, and takes what it reads off `from`. kCorrupt, kUnsupported.
  Result<void> decode(ByteView& from);

private:
  std::size_t count_max_;
  std::map<std::string, PoisonRecord, std::less<>> records_;  ///< by origin
};

}  // namespace stele::projections
