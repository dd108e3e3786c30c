#include <algorithm>
#include <array>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/configs.h"

namespace stele::kafka {

namespace {

constexpr std::int8_t kFromTopic = 1;
constexpr std::int8_t kFromBroker = 4;
constexpr std::int8_t kFromDefault = 5;

std::int8_t type_number(log::SettingType type) {
  switch (type) {
    case log::SettingType::kBoolean:
      return 1;
    case log::SettingType::kString:
      return 2;
    case log::SettingType::kInt:
      return 3;
    case log::SettingType::kLong:
      return 5;
    case log::SettingType::kDouble:
      return 6;
    case log::SettingType::kList:
      return 7;
  }
  return 0;
}

struct Synonym {
  std::string_view topic;
  std::string_view broker;
};

/// Kafka's broker setting behind a topic's, where it is not just "log." in front.
constexpr std::array kSynonyms = std::to_array<Synonym>({
    {"compression.type", "compression.type"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"flush.ms", "log.flush.interval.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"segment.jitter.ms", "log.roll.jitter.ms"},
    {"segment.ms", "log.roll.ms"},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
});

std::string broker_synonym(std::string_view topic_setting) {
  const auto at = std::ranges::find(kSynonyms, topic_setting, &Synonym::topic);
  return at != kSynonyms.end() ? std::string(at->broker) : fmt::format("log.{}", topic_setting);
}

/// Which entries were asked for, and how much of each.
struct Wanted {
  const DescribeConfigsRequest& request;
  const DescribeConfigsRequestResource& resource;

  [[nodiscard]] bool has(std::string_view name) const {
    const auto& keys = resource.configuration_keys;
    return !keys || keys->empty() || std::ranges::find(*keys, name) != keys->end();
  }
};

DescribeConfigsEntry topic_entry(const Wanted& wanted, const log::TopicInfo& topic,
                                 const log::SettingInfo& setting) {
  const auto given = topic.settings.find(setting.name);
  const bool overridden = given != topic.settings.end();
  DescribeConfigsEntry entry;
  entry.name = setting.name;
  entry.value = overridden ? given->second : std::string(setting.default_value);
  entry.config_source = overridden ? kFromTopic : kFromDefault;
  entry.config_type = type_number(setting.type);
  entry.documentation.reset();
  if (wanted.request.include_documentation)
    entry.documentation = std::string(setting.documentation);
  if (!wanted.request.include_synonyms) return entry;
  if (overridden) entry.synonyms.push_back({entry.name, entry.value, kFromTopic});
  entry.synonyms.push_back(
      {broker_synonym(setting.name), std::string(setting.default_value), kFromDefault});
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
    if (wanted.has(setting.name)) result.configs.push_back(topic_entry(wanted, *topic, setting));
  }
}

void describe_broker(const Broker& broker, const Wanted& wanted, DescribeConfigsResult& result) {
  const std::string_view name = wanted.resource.resource_name;
  if (name.empty()) return;  // the cluster-wide defaults that can be changed: none
  if (name != std::to_string(broker.options.node_id)) {
    return refuse(result, ErrorCode::kInvalidRequest,
                  fmt::format("this is broker {}, not {}", broker.options.node_id, name));
  }
  for (const BrokerConfig& config : broker.options.configs) {
    if (wanted.has(config.name)) result.configs.push_back(broker_entry(wanted, config));
  }
}

}  // namespace

Next handle_describe_configs(Broker& broker, const Request& request) {
  const auto asked = read<DescribeConfigsRequest>(request.version, request.body);
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
    } else {
      refuse(result, ErrorCode::kInvalidRequest, "only topics and brokers have settings here");
    }
    broker.metrics.count_error(request.api, result.error_code);
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
