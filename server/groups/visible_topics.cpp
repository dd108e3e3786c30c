#include "server/groups/visible_topics.h"

namespace stele::groups {

std::optional<AssignableTopic> VisibleTopics::find(std::string_view name) const {
  const log::TopicPtr topic = store_.find_topic(name);
  if (!topic || topic->internal) return std::nullopt;
  return AssignableTopic{.id = topic->id, .partition_count = topic->partition_count};
}

std::optional<std::string> VisibleTopics::name_of(const Uuid& id) const {
  const log::TopicPtr topic = store_.find_topic(id);
  return topic ? std::optional(topic->name) : std::nullopt;
}

void VisibleTopics::each_name(const std::function<void(std::string_view)>& visit) const {
  for (const log::TopicPtr& topic : store_.topics()) {
    if (!topic->internal) visit(topic->name);
  }
}

}  // namespace stele::groups
