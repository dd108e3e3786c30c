#include "projections/flow/flow_router.h"

#include <algorithm>
#include <utility>

namespace stele::projections {

std::vector<const Definition*> folds_of(const Definition& definition) {
  std::vector<const Definition*> folds{&definition};
  for (const DefinitionPtr& lookup : definition.lookups) folds.push_back(lookup.get());
  return folds;
}

FlowRouter::FlowRouter(const Definition& definition) : folds_(folds_of(definition)) {
  for (const Definition* fold : folds_) {
    for (const std::string& topic : fold->topics) {
      const bool is_known = std::ranges::find(topics_, topic, &Listeners::topic) != topics_.end();
      if (is_known) continue;
      Listeners& listeners = topics_.emplace_back();
      listeners.topic = topic;
      for (const Definition* other : folds_)
        listeners.folds.push_back(std::ranges::find(other->topics, topic) != other->topics.end());
    }
  }
}

void FlowRouter::look_at(std::string_view topic) {
  last_topic_ = topic;
  const auto found = std::ranges::find(topics_, topic, &Listeners::topic);
  listeners_ = found != topics_.end() ? &*found : nullptr;
}

void FlowRouter::learn(Slot& slot, std::string_view type) {
  std::vector<const Handler*> handlers;
  for (std::size_t fold = 0; fold < folds_.size(); ++fold)
    handlers.push_back(listeners_->folds[fold] ? folds_[fold]->find(type) : nullptr);
  slot.type = type;
  slot.route = route_of(std::move(handlers));
  slot.known = true;
}

const Route* FlowRouter::route_of(std::vector<const Handler*> handlers) {
  const bool is_heard =
      std::ranges::any_of(handlers, [](const Handler* handler) { return handler != nullptr; });
  if (!is_heard) return nullptr;
  const auto found = std::ranges::find(routes_, handlers, &Route::handlers);
  if (found != routes_.end()) return &*found;
  return &routes_.emplace_back(Route{std::move(handlers)});
}

}  // namespace stele::projections
