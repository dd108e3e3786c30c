// What an event store has to hold, as a plain list: the judge of event_store_model_test.cpp.
//
// Everything is found by walking the list; nothing of the index, the sequencer or the queries is
// used. Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "log/event_store/event_store.h"

namespace stele::log {

struct ModelEvent {
  StreamName stream;
  std::string type;
  std::vector<std::string> tags;
  std::string id;
  std::int64_t version = 0;
  Position position = {};    ///< told by the store
  bool may_be_gone = false;  ///< a scavenge met it while it was hidden
};

/// A condition, and an item of its query.
using FailedItem = std::pair<std::size_t, std::size_t>;

/// What the model expects of an append.
struct Forecast {
  enum class Kind : std::uint8_t {
    kAppended,
    kDuplicate,
    kTaken,  ///< an id stands for something else
    kTombstoned,
    kRefused,
    kOpen,  ///< a retry of what scavenge may have removed; two reasons at once
  };
  Kind kind = Kind::kAppended;
  std::vector<std::size_t> failed_expectations = {};
  std::map<FailedItem, Position> conflicts = {};  ///< of each that fails, the first event
  std::vector<Position> duplicate_of = {};
};

class EventModel {
public:
  [[nodiscard]] Forecast forecast(const EventAppend& append) const;
  /// Takes over what was appended: versions are the model's, positions the store's.
  void take(const EventAppend& append, const AppendedEvents& appended);

  [[nodiscard]] std::int64_t last_version(const StreamName& stream) const;  ///< -1: no event
  [[nodiscard]] bool visible(const ModelEvent& event) const;
  /// What is hidden may be gone from now on.
  void scavenge();

  std::vector<ModelEvent> events;  ///< in the order of positions
  std::map<StreamName, StreamRules> rules;

private:
  void forecast_conditions(const EventAppend& append, Forecast& forecast) const;
};

}  // namespace stele::log
