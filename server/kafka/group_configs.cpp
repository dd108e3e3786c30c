#include "server/kafka/group_configs.h"

#include <charconv>

#include "log/base/fail.h"

namespace stele::kafka {

namespace {
constexpr std::string_view kPrefix = "group:";
}

GroupConfigs::GroupConfigs(const log::Properties& properties) {
  for (const auto& [name, value] : properties) put(name, value);
}

void GroupConfigs::apply(const log::PropertyChanges& changes) {
  for (const auto& [name, value] : changes) put(name, value);
}

void GroupConfigs::put(std::string_view property, const std::optional<std::string>& value) {
  if (!property.starts_with(kPrefix)) return;
  property.remove_prefix(kPrefix.size());
  const std::size_t colon = property.rfind(':');  // a group's name may hold some, a setting's not
  if (colon == std::string_view::npos) return;
  const std::string group(property.substr(0, colon));
  const std::string setting(property.substr(colon + 1));
  if (value) {
    by_group_[group][setting] = *value;
    return;
  }
  const auto at = by_group_.find(group);
  if (at == by_group_.end()) return;
  at->second.erase(setting);
  if (at->second.empty()) by_group_.erase(at);
}

const log::TopicSettings& GroupConfigs::of(std::string_view group) const {
  static const log::TopicSettings kNone;
  const auto at = by_group_.find(group);
  return at == by_group_.end() ? kNone : at->second;
}

void GroupConfigs::apply_to(std::string_view group, groups::ConsumerGroupConfig& config) const {
  for (const auto& [name, value] : of(group)) {
    std::int32_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec != std::errc()) continue;  // not what AlterConfigs lets in
    if (name == "consumer.session.timeout.ms") config.session_timeout_ms = number;
    if (name == "consumer.heartbeat.interval.ms") config.heartbeat_interval_ms = number;
  }
}

std::string GroupConfigs::property(std::string_view group, std::string_view setting) {
  return fmt::format("{}{}:{}", kPrefix, group, setting);
}

}  // namespace stele::kafka
