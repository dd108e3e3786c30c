// Topics' settings on their way to the store, so that of two changes under way at once the second
// builds on the first. Thread: the loop's.
#pragma once

#include <map>

#include "log/base/uuid.h"
#include "log/store/topic_config.h"

namespace stele::kafka {

class TopicChanges {
public:
  /// What the topic's settings will be; null: no change is under way.
  [[nodiscard]] const log::TopicSettings* find(const Uuid& topic) const {
    const auto at = under_way_.find(topic);
    return at == under_way_.end() ? nullptr : &at->second.settings;
  }
  void begin(const Uuid& topic, log::TopicSettings settings) {
    Change& change = under_way_[topic];
    change.settings = std::move(settings);
    ++change.count;
  }
  void end(const Uuid& topic) {
    const auto at = under_way_.find(topic);
    if (at != under_way_.end() && --at->second.count == 0) under_way_.erase(at);
  }

private:
  struct Change {
    log::TopicSettings settings;
    int count = 0;
  };
  std::map<Uuid, Change> under_way_;
};

}  // namespace stele::kafka
