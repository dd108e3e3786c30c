#include "program.h"

#include <filesystem>

namespace flights {

using stele::Code;
using stele::Result;
using stele::log::EventStore;
using stele::log::Store;

Result<std::unique_ptr<Program>> Program::open(const std::string& folder,
                                               const st::StoreChoice& states) {
  std::error_code ignored;  // opening tells better what is wrong
  std::filesystem::create_directories(folder, ignored);
  std::unique_ptr<Program> program(new Program);
  STELE_TRY(program->store_, Store::open(folder + "/store"));
  // One partition: the file's order is the topic's.
  for (const char* topic : {kFlights, kAlerts}) {
    if (!program->store_->find_topic(topic))
      STELE_DO(program->store_->create_topic({.name = topic, .partition_count = 1}));
  }
  program->events_ = std::make_unique<EventStore>(*program->store_);
  STELE_TRY(program->engine_, st::Engine::open(*program->events_, {.folder = folder + "/views"}));
  const Folds all = folds(states);
  STELE_TRY(program->aircraft, program->engine_->add(all.aircraft));
  STELE_TRY(program->carriers, program->engine_->add(all.carriers));
  STELE_TRY(program->departures, program->engine_->add(all.departures));
  STELE_TRY(program->continuity, program->engine_->add(all.continuity));
  STELE_TRY(program->streams, program->engine_->add(all.streams));
  return program;
}

Result<void> Program::close() {
  STELE_DO(engine_->close());
  return store_->close();
}

Result<stele::Position> Program::first_position() {
  STELE_TRY(const auto page,
            events_->read({.select = stele::log::TopicSelection{kFlights}, .events_max = 1}));
  if (page.events.empty())
    return std::unexpected(stele::Error{Code::kNotFound, "nothing is loaded yet"});
  return page.events.front().position;
}

}  // namespace flights
