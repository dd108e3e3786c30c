// What a command leads to: events to append. A decide function may answer with a Decision, with one
// event, with a vector of events, or of variants of events.
//
//   return Decision().add(Withdrawn{cents});
//   return Decision().add(Booked{}, {.topic = "bookings", .stream = "b-7", .tags = {"seat:4"}});
//
// Thread: value type.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/fold/event_traits.h"

namespace stele::projections {

/// Where an event goes, if not to the stream that the decision is about.
struct DecidedPlace {
  std::string topic = {};                  ///< empty: that of the decider
  std::optional<std::string> stream = {};  ///< none: that of the decision
  std::vector<std::string> tags = {};
};

class Decision {
public:
  template <WritableEvent E>
  Decision& add(const E& event, DecidedPlace place = {}) {
    log::TopicEvent made{std::move(place.topic), new_event(event)};
    made.event.stream = std::move(place.stream);
    made.event.tags = std::move(place.tags);
    events_.push_back(std::move(made));
    return *this;
  }
  /// An event that was made by hand: its stream and topic may be left out as above.
  Decision& add(log::TopicEvent event) {
    events_.push_back(std::move(event));
    return *this;
  }

  [[nodiscard]] bool empty() const { return events_.empty(); }
  /// Topic and stream filled in where they were left out.
  [[nodiscard]] std::vector<log::TopicEvent> take(const std::string& topic,
                                                  const std::optional<std::string>& stream) && {
    for (log::TopicEvent& event : events_) {
      if (event.topic.empty()) event.topic = topic;
      if (!event.event.stream) event.event.stream = stream;
    }
    return std::move(events_);
  }

private:
  std::vector<log::TopicEvent> events_;
};

namespace detail {

inline Decision to_decision(Decision decision) {
  return decision;
}
template <WritableEvent E>
Decision to_decision(const E& event) {
  return std::move(Decision().add(event));
}
template <WritableEvent... Es>
Decision to_decision(const std::variant<Es...>& event) {
  return std::visit([](const auto& one) { return to_decision(one); }, event);
}
template <class E>
Decision to_decision(const std::vector<E>& events) {
  Decision all;
  for (const E& event : events) {
    if constexpr (WritableEvent<E>)
      all.add(event);
    else
      std::visit([&all](const auto& one) { all.add(one); }, event);
  }
  return all;
}

}  // namespace detail
}  // namespace stele::projections
