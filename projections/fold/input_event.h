// An event on its way into a fold, wherever it comes from: a store in this process, a Stele server,
// a Kafka cluster. All views; who gave it owns the bytes (sources/source.h: the Lot).
// Thread: value type.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "log/base/bytes.h"
#include "log/base/ordinal.h"
#include "log/format/records.h"

namespace stele::projections {

struct InputEvent {
  std::string_view topic;
  std::int32_t partition = 0;
  Offset offset;
  Position position;               ///< in the store's order; of a Kafka cluster: the offset again
  std::int64_t recorded_us = 0;    ///< since 1970; of a Kafka cluster: time_ms * 1000
  std::int64_t time_ms = 0;        ///< event time
  std::optional<ByteView> stream;  ///< the record's key
  std::optional<ByteView> data;    ///< the record's value
  std::string_view type;           ///< empty: the producer said none
  std::span<const HeaderView> headers;  ///< all of the record's, ce_ ones included
  std::optional<Version> version;       ///< in its stream, where the reader knows it
};

/// The event's id: header ce_id, else "topic/partition/offset".
[[nodiscard]] std::string event_id(const InputEvent& event);
/// "orders/3/1042 (OrderPlaced, stream o-17)": how messages name an event.
[[nodiscard]] std::string event_place(const InputEvent& event);

}  // namespace stele::projections
