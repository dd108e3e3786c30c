// What a handler sees besides state and event: the event's place in the log, and the tables that
// its projection looks up in. Thread: the handler's; everything is valid until the handler returns.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "projections/fold/definition.h"

namespace stele::projections {

template <class S>
class Projection;

/// What a handler answers: the key's state is forgotten, or kept (as if it returned nothing).
inline constexpr Verdict drop = Verdict::kDrop;
inline constexpr Verdict keep = Verdict::kKeep;

/// Thrown by poison().
class Poison : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};
/// From within a handler: this event cannot be folded, and that is why. The state is as it was
/// before; the projection's on_poison() says what happens.
[[noreturn]] inline void poison(const std::string& reason) {
  throw Poison(reason);
}

class Meta {
public:
  Meta(const InputEvent& event, const TableAccess* tables, std::span<const DefinitionPtr> lookups)
      : topic(event.topic),
        partition(event.partition),
        offset(event.offset),
        position(event.position),
        recorded_us(event.recorded_us),
        time_ms(event.time_ms),
        type(event.type),
        data(event.data),
        version(event.version),
        event_(event),
        tables_(tables),
        lookups_(lookups) {}
  Meta(const Meta&) = delete;
  Meta& operator=(const Meta&) = delete;

  std::string_view topic;
  std::int32_t partition;
  Offset offset;
  Position position;         ///< in the store's order; of a Kafka cluster: the offset
  std::int64_t recorded_us;  ///< since 1970
  std::int64_t time_ms;      ///< event time, since 1970
  std::string_view type;
  std::optional<ByteView> data;
  std::optional<Version> version;  ///< in its stream, where the reader knows it

  /// The record's key; empty if it has none.
  [[nodiscard]] std::string_view stream() const {
    return event_.stream ? as_text(*event_.stream) : std::string_view();
  }
  [[nodiscard]] std::string id() const { return event_id(event_); }
  /// The first of this name; none: there is none, or it is null.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    for (const HeaderView& header : event_.headers) {
      if (header.key != name) continue;
      return header.value ? std::optional(as_text(*header.value)) : std::nullopt;
    }
    return std::nullopt;
  }
  [[nodiscard]] const InputEvent& event() const { return event_; }

  /// The key's state in a table that the projection .looks_up(), as of this event. Null: none.
  template <class S>
  [[nodiscard]] const S* find(const Projection<S>& table, std::string_view key) const {
    return static_cast<const S*>(find_in(table.name(), Projection<S>::kConstruct, as_bytes(key)));
  }

private:
  /// `construct` tells the type of the table's states.
  [[nodiscard]] const void* find_in(std::string_view table, void (*construct)(void*),
                                    ByteView key) const;

  const InputEvent& event_;
  const TableAccess* tables_;
  std::span<const DefinitionPtr> lookups_;
};

}  // namespace stele::projections
