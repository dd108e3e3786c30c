#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/setting_tables.h"
#include "server/kafka/wire/alter_configs.h"
#include "server/kafka/wire/configs.h"

namespace stele::kafka {

namespace {

// Where a value comes from.
constexpr std::int8_t kFromTopic = 1;
constexpr std::int8_t kFromBroker = 4;
constexpr std::int8_t kFromDefault = 5;
constexpr std::int8_t kFromGroup = 8;

/// Which entries were asked for, and how much of each.
struct Wanted {
  const DescribeConfigsRequest& request;
  const DescribeConfigsRequestResource& resource;

  [[nodiscard]] bool has(std::string_view name) const {
    const auto& keys = resource.configuration_keys;
    return !keys || keys->empty() || std::ranges::find(*keys, name) != keys->end();
  }
};

/// An entry out of a table, overridden or not. `synonym`: the broker's setting behind it.
DescribeConfigsEntry table_entry(const Wanted& wanted, const log::SettingInfo& setting,
                                 const log::TopicSettings& overrides, std::int8_t override_source,
                                 std::string synonym) {
  const auto given = overrides.find(setting.name);
  const bool overridden = given != overrides.end();
  DescribeConfigsEntry entry;
  entry.name = setting.name;
  entry.value = overridden ? given->second : std::string(setting.default_value);
  entry.config_source = overridden ? override_source : kFromDefault;
  entry.config_type = type_number(setting.type);
  entry.documentation.reset();
  if (wanted.request.include_documentation)
    entry.documentation = std::string(setting.documentation);
  if (!wanted.request.include_synonyms) return entry;
  if (overridden) entry.synonyms.push_back({entry.name, entry.value, override_source});
  entry.synonyms.push_back({std::move(synonym), std::string(setting.default_value), kFromDefault});
  return entry;
}

DescribeConfigsEntry broker_entry(const Wanted& wanted, const BrokerConfig& config) {
  DescribeConfigsEntry entry;
  entry.name = config.name;
  entry.value = config.value;
  entry.read_only = true;
  entry.config_source = config.is_default ? kFromDefault : kFromBroker;
  entry.config_type = config.type;
  entry.documentation.reset();
  if (wanted.request.include_documentation) entry.documentation = config.documentation;
  if (!wanted.request.include_synonyms) return entry;
  if (!config.is_default) entry.synonyms.push_back({config.name, config.value, kFromBroker});
  entry.synonyms.push_back({config.name, config.default_value, kFromDefault});
  return entry;
}

/// The table, and over it what this broker was told.
std::map<std::string, BrokerConfig, std::less<>> broker_configs(const BrokerOptions& options) {
  std::map<std::string, BrokerConfig, std::less<>> configs;
  for (const log::SettingInfo& setting : broker_setting_table()) {
    configs[std::string(setting.name)] = {
        .name = std::string(setting.name),
        .value = std::string(setting.default_value),
        .default_value = std::string(setting.default_value),
        .documentation = std::string(setting.documentation),
        .type = type_number(setting.type),
    };
  }
  for (const BrokerConfig& told : options.configs) {
    const log::SettingInfo* known = find_setting(broker_setting_table(), told.name);
    BrokerConfig& config = configs[told.name];
    config = told;
    if (known != nullptr) config.type = type_number(known->type);
  }
  // The two names that a setting has.
  for (const auto& [older, newer] : {std::pair("broker.id", "node.id"), {"log.dir", "log.dirs"}}) {
    configs[older].value = configs[newer].value;
    configs[older].is_default = configs[newer].is_default;
  }
  return configs;
}

void refuse(DescribeConfigsResult& result, ErrorCode error, std::string message) {
  result.error_code = error;
  result.error_message = std::move(message);
}

void describe_topic(const Broker& broker, const Wanted& wanted, DescribeConfigsResult& result) {
  const std::string_view name = wanted.resource.resource_name;
  if (!is_legal_topic_name(name)) {
    return refuse(result, ErrorCode::kInvalidTopicException, "not a topic's name");
  }
  const log::TopicPtr topic = broker.store.find_topic(name);
  if (!topic) return refuse(result, ErrorCode::kUnknownTopicOrPartition, "no such topic");
  for (const log::SettingInfo& setting : log::topic_setting_table()) {
    if (wanted.has(setting.name)) {
      result.configs.push_back(
          table_entry(wanted, setting, topic->settings, kFromTopic, broker_synonym(setting.name)));
    }
  }
}

void describe_broker(const Broker& broker, const Wanted& wanted, DescribeConfigsResult& result) {
  const std::string_view name = wanted.resource.resource_name;
  if (name.empty()) return;  // the cluster-wide defaults that can be changed: none
  if (name != std::to_string(broker.options.node_id)) {
    return refuse(result, ErrorCode::kInvalidRequest,
                  fmt::format("Unexpected broker id, expected {} or empty string, but received {}",
                              broker.options.node_id, name));
  }
  for (const auto& [setting, config] : broker_configs(broker.options)) {
    if (wanted.has(setting)) result.configs.push_back(broker_entry(wanted, config));
  }
}

void describe_group(const Broker& broker, const Wanted& wanted, DescribeConfigsResult& result) {
  const std::string_view name = wanted.resource.resource_name;
  if (name.empty()) {
    return refuse(result, ErrorCode::kInvalidRequest, "Group name must not be empty");
  }
  for (const log::SettingInfo& setting : group_setting_table()) {
    if (!wanted.has(setting.name)) continue;
    result.configs.push_back(table_entry(wanted, setting, broker.group_configs.of(name), kFromGroup,
                                         fmt::format("group.{}", setting.name)));
  }
}

void list_resources(const Broker& broker, ResourceType type,
                    std::vector<ListedConfigResource>& into) {
  if (type == ResourceType::kTopic) {
    for (const log::TopicPtr& topic : broker.store.topics()) into.push_back({topic->name, type});
  } else if (type == ResourceType::kBroker) {
    into.push_back({std::to_string(broker.options.node_id), type});
  } else if (type == ResourceType::kGroup) {
    for (const auto& [group, settings] : broker.group_configs.all()) into.push_back({group, type});
  }
}

}  // namespace

Next handle_describe_configs(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeConfigsRequest>(request);
  if (!asked) return Next::kClose;
  DescribeConfigsResponse response;
  for (const DescribeConfigsRequestResource& resource : asked->resources) {
    DescribeConfigsResult& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = std::string(resource.resource_name);
    result.error_message.reset();
    const Wanted wanted{*asked, resource};
    if (resource.resource_type == ResourceType::kTopic) {
      describe_topic(broker, wanted, result);
    } else if (resource.resource_type == ResourceType::kBroker) {
      describe_broker(broker, wanted, result);
    } else if (resource.resource_type == ResourceType::kGroup) {
      describe_group(broker, wanted, result);
    } else {
      refuse(
          result, ErrorCode::kInvalidRequest,
          fmt::format("Unsupported resource type: {}", static_cast<int>(resource.resource_type)));
    }
    broker.metrics.count_error(request.api, result.error_code);
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_list_config_resources(Broker& broker, const Request& request) {
  constexpr std::array kTypes = {ResourceType::kTopic, ResourceType::kBroker,
                                 ResourceType::kBrokerLogger, ResourceType::kClientMetrics,
                                 ResourceType::kGroup};
  const auto asked = read_body<ListConfigResourcesRequest>(request);
  if (!asked) return Next::kClose;
  std::set<ResourceType> wanted;
  for (const std::int8_t type : asked->resource_types) wanted.insert(ResourceType{type});
  if (request.version == 0) wanted = {ResourceType::kClientMetrics};
  if (wanted.empty()) wanted.insert(kTypes.begin(), kTypes.end());
  ListConfigResourcesResponse response;
  for (const ResourceType type : wanted) {
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
      response.error_code = ErrorCode::kUnsupportedVersion;
    }
    list_resources(broker, type, response.config_resources);
  }
  if (response.error_code != ErrorCode::kNone) response.config_resources.clear();
  broker.metrics.count_error(request.api, response.error_code);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
