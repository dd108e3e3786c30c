// Effects on their way out, and the timers of a flow.
//
//   outbox.begin(event, muted);  handler …  (or discard(), if it failed)      for each event
//   outbox.flush(source);        after the lot is folded: appended, durable
//   outbox.fire_due(now, source)
//
// An effect's id is a function of (projection's name, place of the causing event, number of the
// effect): an append that is tried again is the same append. Timers are state: they are encoded
// with the states' checkpoint, set and cancelled by the fold alone, and taken off when their event
// has been appended. A muted event's appends are dropped, its timers set as ever (what fired before
// the restart or the rebuild has its event in the log: its id is there already, the append changes
// nothing). Thread: the fold's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/fold/effects.h"
#include "projections/fold/input_event.h"
#include "projections/sources/source.h"

namespace stele::projections {

class Outbox final : public Effects {
public:
  explicit Outbox(std::string projection) : projection_(std::move(projection)) {}

  /// Effects that follow are of this event.
  void begin(const InputEvent& event, bool muted);
  /// Takes back what the event of begin() has asked for.
  void discard();

  void append(std::string topic, log::NewEvent event) override;
  void schedule(std::string timer, std::int64_t at_ms, std::string topic,
                log::NewEvent event) override;
  void cancel(std::string_view timer) override;

  [[nodiscard]] std::size_t waiting() const;  ///< appends not flushed
  /// Appends what waits, in order. After an error it still waits: call again.
  Result<void> flush(Source& to);

  [[nodiscard]] std::optional<std::int64_t> next_due_ms() const;
  /// Appends the events of timers that are due; how many.
  Result<std::size_t> fire_due(std::int64_t now_ms, Source& to);

  /// Timers alone; little-endian, docs/formats.md.
  void encode(Bytes& to) const;
  /// Replaces the timers. kCorrupt.
  Result<void> decode(ByteView& from);

private:
  std::string projection_;
};

}  // namespace stele::projections
