// A source of events that stand in memory: for tests of folds, engines and read models. It grows
// while it is read.
//
//   GivenEvents events;
//   events.add({.topic = "bank", .stream = "acc-7", .type = "Opened", .data = "{}"});
//   auto reader = events.open({"bank"}, {InputId::store()}, {});
//
// One input as of a whole store (positions are the order in which events were added), or, made with
// Inputs::kPartitions, one of each partition as of a Kafka cluster. Recorded times grow by a
// millisecond with each event, versions count in their streams. Thread: any; readers one at a time.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "projections/sources/source.h"

namespace stele::projections {

struct GivenEvent {
  std::string topic = "events";
  std::int32_t partition = 0;
  std::optional<std::string> stream = {};
  std::string type = {};
  std::optional<std::string> data = {};          ///< JSON, or whatever the type's traits decode
  std::optional<std::int64_t> time_ms = {};      ///< none: that of its recorded time
  std::optional<std::int64_t> recorded_us = {};  ///< none: a millisecond behind the last one
  std::vector<log::Attribute> headers = {};      ///< ce_ ones with their prefix
};

class GivenEvents final : public Source {
public:
  enum class Inputs : std::uint8_t { kStore, kPartitions };
  static constexpr std::int64_t kFirstRecordedUs = 1'700'000'000'000'000;

  explicit GivenEvents(std::size_t lot_events = 100, Inputs inputs = Inputs::kStore)
      : lot_events_(lot_events), inputs_(inputs) {}

  /// A topic without events yet; add() makes those that it names.
  void add_topic(const std::string& topic, std::int32_t partition_count = 1);
  Position add(GivenEvent event);
  [[nodiscard]] std::size_t count() const;
  /// A copy of what was added as number `position`, its own or by append(): with all headers.
  [[nodiscard]] GivenEvent at(Position position) const;

  [[nodiscard]] std::string name() const override { return "given events"; }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override;
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override;
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override;
  Result<std::string> token(const Checkpoint& checkpoint) override;
  Result<Checkpoint> parse_token(std::string_view token) override;
  EventAccess* events() override { return nullptr; }
  /// To partition 0; an event whose id the topic has already is not added.
  Result<void> append(std::vector<log::TopicEvent> events) override;

private:
  friend class GivenReader;
  /// Owns what its view shows; never moves.
  struct Kept {
    GivenEvent event;
    std::vector<HeaderView> headers;
    InputEvent view;
  };
  struct Partition {
    std::vector<const Kept*> events;  ///< by offset
  };

  /// With the lock held.
  Position keep(GivenEvent event);
  [[nodiscard]] std::int64_t end_of(const InputId& input) const;
  [[nodiscard]] const Kept& at_place(const InputId& input, std::int64_t place) const;

  const std::size_t lot_events_;
  const Inputs inputs_;
  mutable std::mutex mutex_;
  mutable std::condition_variable grown_;
  std::deque<Kept> all_;
  std::map<std::string, std::vector<Partition>, std::less<>> topics_;
  std::map<std::pair<std::string, std::string>, std::int64_t>
      versions_;                                       ///< next, by topic, stream
  std::set<std::pair<std::string, std::string>> ids_;  ///< topic, id
};

}  // namespace stele::projections
