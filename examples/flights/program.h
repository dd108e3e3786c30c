// The store in a folder, the engine over it, and the views that the commands read.
#pragma once

#include <log/event_store/event_store.h>

#include <memory>
#include <string>

#include "flights.h"

namespace flights {

/// Opened by a command for as long as it runs. In the folder: store/, views/.
class Program {
public:
  static stele::Result<std::unique_ptr<Program>> open(const std::string& folder,
                                                      const st::StoreChoice& states);
  /// Commits what was folded.
  stele::Result<void> close();

  [[nodiscard]] stele::log::EventStore& events() { return *events_; }
  [[nodiscard]] st::Engine& engine() { return *engine_; }
  /// Where the topic's first event stands.
  [[nodiscard]] stele::Result<stele::Position> first_position();

private:
  Program() = default;

  std::unique_ptr<stele::log::Store> store_;
  std::unique_ptr<stele::log::EventStore> events_;
  std::unique_ptr<st::Engine> engine_;

public:
  // Of the engine; made by open().
  std::optional<st::View<Aircraft>> aircraft;
  std::optional<st::View<Carrier>> carriers;
  std::optional<st::View<Departures>> departures;
  std::optional<st::View<Continuity>> continuity;
  std::optional<st::View<Stream>> streams;
};

}  // namespace flights
