// Settings that single groups have of their own, kept as properties of the store:
// "group:<group>:<setting>". Invariant: what is here is durable. Thread: the loop's.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "log/store/store.h"
#include "server/groups/consumer_group.h"

namespace stele::kafka {

class GroupConfigs {
public:
  using ByGroup = std::map<std::string, log::TopicSettings, std::less<>>;

  explicit GroupConfigs(const log::Properties& properties);

  /// Changes that the store has made durable.
  void apply(const log::PropertyChanges& changes);
  /// Empty: the group has none of its own.
  [[nodiscard]] const log::TopicSettings& of(std::string_view group) const;
  [[nodiscard]] const ByGroup& all() const { return by_group_; }
  /// Puts what the group has of its own over `config`.
  void apply_to(std::string_view group, groups::ConsumerGroupConfig& config) const;

  [[nodiscard]] static std::string property(std::string_view group, std::string_view setting);

private:
  void put(std::string_view property, const std::optional<std::string>& value);

  ByGroup by_group_;
};

}  // namespace stele::kafka
