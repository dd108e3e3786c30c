// Who listens to an event: for a topic and a type, the handlers of the projection and of its lookup
// tables. Found once for each pair, then remembered: an event that nobody listens to costs one
// comparison of its type's bytes.
//
//   router.begin_lot();                          // views of the lot before mean nothing now
//   const Route* route = router.find(event.topic, event.type);   // null: nobody
//
// A route is valid as long as the router. Bounded: what is remembered has a fixed size, routes are
// as many as there are combinations of handlers. Thread: its owner's.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "projections/fold/definition.h"

namespace stele::projections {

/// The folds of a flow in the order of their numbers: the projection, then its lookups.
[[nodiscard]] std::vector<const Definition*> folds_of(const Definition& definition);

struct Route {
  std::vector<const Handler*> handlers;  ///< by fold number; null: this one doesn't listen
};

class FlowRouter {
public:
  /// `definition` outlives it.
  explicit FlowRouter(const Definition& definition);

  void begin_lot() {
    last_topic_ = {};
    ++lot_;
  }
  [[nodiscard]] const Route* find(std::string_view topic, std::string_view type) {
    if (topic.data() != last_topic_.data() || topic.size() != last_topic_.size()) [[unlikely]]
      look_at(topic);
    if (listeners_ == nullptr) return nullptr;
    Slot& slot = listeners_->slots[slot_of(type)];
    // Most sources give the same view for the same type, within a lot.
    if (slot.lot == lot_ && slot.seen.data() == type.data() && slot.seen.size() == type.size())
      return slot.route;
    if (!slot.known || slot.type != type) learn(slot, type);
    slot.seen = type;
    slot.lot = lot_;
    return slot.route;
  }

private:
  static constexpr std::size_t kSlotCount = 64;
  struct Slot {
    bool known = false;
    std::string type;
    const Route* route = nullptr;
    std::uint64_t lot = 0;  ///< that `seen` is of
    std::string_view seen;  ///< the type as it stood there last
  };
  /// Of one topic.
  struct Listeners {
    std::string topic;
    std::vector<bool> folds;  ///< by number: whether it reads the topic
    std::array<Slot, kSlotCount> slots;
  };

  // Types of one projection seldom agree in length, first and last byte.
  [[nodiscard]] static std::size_t slot_of(std::string_view type) {
    if (type.empty()) return 0;
    const auto first = static_cast<unsigned char>(type.front());
    const auto last = static_cast<unsigned char>(type.back());
    return (type.size() * 7 + std::size_t{first} * 5 + last) % kSlotCount;
  }
  void look_at(std::string_view topic);
  void learn(Slot& slot, std::string_view type);
  const Route* route_of(std::vector<const Handler*> handlers);

  std::vector<const Definition*> folds_;
  std::deque<Listeners> topics_;
  std::deque<Route> routes_;
  std::uint64_t lot_ = 0;
  std::string_view last_topic_;
  Listeners* listeners_ = nullptr;  ///< of last_topic_; null: nobody reads it
};

}  // namespace stele::projections
