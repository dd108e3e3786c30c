// A Source over an event store in this process: the store's one total order is its only input.
//
//   Store::read_topic / read_all ─► 1 MiB of batches ─► StoreLot: InputEvents, views into it ─► fold
//
// Gives what EventStore's reads give: not what truncate before, max count, max age or a tombstone
// let go of, nor the service's own topics. Versions are not told: they would cost a look into the
// index for each event. Threads: any; a reader is its owner's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/sources/source.h"

namespace stele::projections {

struct EmbeddedSourceOptions {
  std::size_t lot_bytes = 512 << 10;  ///< of batches read for one lot, about
};

class EmbeddedSource final : public Source {
public:
  /// `events` outlives it.
  explicit EmbeddedSource(log::EventStore& events, EmbeddedSourceOptions options = {});
  ~EmbeddedSource() override;

  [[nodiscard]] std::string name() const override;
  /// kNotFound; kInvalid: a topic of the service's own.
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override;
  /// Also kOutOfRange: `from` is past the end: it is of another store, or of a lost timeline.
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override;
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override;
  Result<std::string> token(const Checkpoint& checkpoint) override;
  Result<Checkpoint> parse_token(std::string_view token) override;
  EventAccess* events() override;
  /// kAlreadyExists: an id is taken by another event. Other errors as EventStore::append(); what
  /// stands in front of the event that was refused may be appended then.
  Result<void> append(std::vector<log::TopicEvent> events) override;

private:
  Result<void> append_some(std::span<const log::TopicEvent> events);

  log::EventStore& events_;
  EmbeddedSourceOptions options_;
  std::unique_ptr<EventAccess> access_;
};

}  // namespace stele::projections
