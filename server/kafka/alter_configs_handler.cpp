#include "server/kafka/wire/alter_configs.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/setting_tables.h"

namespace stele::kafka {

namespace {

struct AlterCall {
  Broker& broker;
  Request request;
  std::vector<AlterConfigsResult> results{};
  std::size_t waiting = 0;
};
using CallPtr = std::shared_ptr<AlterCall>;

enum class Operation : std::int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

struct Change {
  std::string_view name;
  Operation operation = Operation::kSet;
  std::optional<std::string_view> value;
};

/// What is asked for one resource. `replaces`: settings that are not named go (AlterConfigs).
struct Plan {
  ResourceType type;
  std::string_view name;
  std::vector<Change> changes;
  bool replaces = false;
  bool validate_only = false;
};

struct Refusal {
  ErrorCode error;
  std::string message;
};
using MaybeRefusal = std::optional<Refusal>;

void finish(AlterCall& call) {
  for (const AlterConfigsResult& result : call.results) {
    call.broker.metrics.count_error(call.request.api, result.error_code);
  }
  const auto now = call.broker.env.now();
  if (call.request.api == ApiKey::kAlterConfigs) {
    answer(call.request, AlterConfigsResponse{.responses = std::move(call.results)}, now);
  } else {
    answer(call.request, IncrementalAlterConfigsResponse{.responses = std::move(call.results)},
           now);
  }
}

void refuse(AlterConfigsResult& result, ErrorCode error, std::string message) {
  result.error_code = error;
  result.error_message = std::move(message);
}

// --- what the settings become

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string_view item = text.substr(at, comma - at);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    at = comma + 1;
  }
  return items;
}

/// The list with the change's items added or taken out.
std::string changed_list(std::string_view present, const Change& change) {
  std::vector<std::string> items = list_of(present);
  for (std::string& item : list_of(*change.value)) {
    const auto at = std::ranges::find(items, item);
    if (change.operation == Operation::kSubtract && at != items.end()) items.erase(at);
    if (change.operation == Operation::kAppend && at == items.end()) items.push_back(item);
  }
  return fmt::format("{}", fmt::join(items, ","));
}

MaybeRefusal apply(const Change& change, std::span<const log::SettingInfo> table,
                   log::TopicSettings& settings) {
  if (change.operation == Operation::kDelete) {
    settings.erase(std::string(change.name));
    return std::nullopt;
  }
  if (change.operation == Operation::kSet) {
    settings.insert_or_assign(std::string(change.name), std::string(*change.value));
    return std::nullopt;
  }
  const log::SettingInfo* info = find_setting(table, change.name);
  if (info == nullptr || info->type != log::SettingType::kList) {
    return Refusal{
        ErrorCode::kInvalidConfig,
        fmt::format("Can't {} to key {} because its type is not LIST.",
                    change.operation == Operation::kAppend ? "APPEND" : "SUBTRACT", change.name)};
  }
  const auto given = settings.find(change.name);
  const std::string_view present =
      given == settings.end() ? info->default_value : std::string_view(given->second);
  settings.insert_or_assign(std::string(change.name), changed_list(present, change));
  return std::nullopt;
}

MaybeRefusal apply_all(const Plan& plan, std::span<const log::SettingInfo> table,
                       log::TopicSettings& settings) {
  if (plan.replaces) settings.clear();
  for (const Change& change : plan.changes) {
    if (auto refusal = apply(change, table, settings)) return refusal;
  }
  return std::nullopt;
}

/// What is wrong with the changes whatever they are about.
MaybeRefusal check_changes(const Plan& plan) {
  std::set<std::string_view> names;
  std::vector<std::string_view> nulls;
  for (const Change& change : plan.changes) {
    const auto number = static_cast<int>(change.operation);
    if (number < 0 || number > static_cast<int>(Operation::kSubtract)) {
      return Refusal{ErrorCode::kInvalidRequest, fmt::format("Unknown operations type {}", number)};
    }
    if (!names.insert(change.name).second) {
      return Refusal{ErrorCode::kInvalidRequest, "Error due to duplicate config keys"};
    }
    if (!change.value && change.operation != Operation::kDelete) nulls.push_back(change.name);
  }
  if (nulls.empty()) return std::nullopt;
  return Refusal{ErrorCode::kInvalidRequest,
                 fmt::format("Null value not supported for : {}", fmt::join(nulls, ","))};
}

// --- topics

void configure(const CallPtr& call, std::size_t index, const Uuid& topic,
               const log::TopicSettings& settings) {
  ++call->waiting;
  call->broker.topic_changes.begin(topic, settings);
  call->broker.store.configure_topic_async(
      topic, settings, [call, index, topic](const Result<log::TopicPtr>& done) {
        call->broker.topic_changes.end(topic);
        if (!done) {
          refuse(call->results[index], error_code(done.error().code, AnswerTo::kAdmin),
                 done.error().detail);
        }
        if (--call->waiting == 0) finish(*call);
      });
}

MaybeRefusal alter_topic(const CallPtr& call, std::size_t index, const Plan& plan) {
  if (!is_legal_topic_name(plan.name)) {
    return Refusal{ErrorCode::kInvalidTopicException, "not a topic's name"};
  }
  const log::TopicPtr topic = call->broker.store.find_topic(plan.name);
  if (!topic) {
    return Refusal{ErrorCode::kUnknownTopicOrPartition,
                   fmt::format("The topic '{}' does not exist.", plan.name)};
  }
  const log::TopicSettings* coming = call->broker.topic_changes.find(topic->id);
  log::TopicSettings settings = coming != nullptr ? *coming : topic->settings;
  if (auto refusal = apply_all(plan, log::topic_setting_table(), settings)) return refusal;
  if (const auto parsed = log::TopicConfig::parse(settings); !parsed) {
    return Refusal{ErrorCode::kInvalidConfig, parsed.error().detail};
  }
  if (!plan.validate_only && settings != topic->settings) {
    configure(call, index, topic->id, settings);
  }
  return std::nullopt;
}

// --- groups

log::PropertyChanges group_changes(std::string_view group, const log::TopicSettings& before,
                                   const log::TopicSettings& after) {
  log::PropertyChanges changes;
  for (const auto& [name, value] : before) {
    changes.emplace(GroupConfigs::property(group, name), std::nullopt);
  }
  for (const auto& [name, value] : after) {
    changes.insert_or_assign(GroupConfigs::property(group, name), value);
  }
  return changes;
}

MaybeRefusal alter_group(const CallPtr& call, std::size_t index, const Plan& plan) {
  if (plan.name.empty()) {
    return Refusal{ErrorCode::kInvalidRequest, "Default group resources are not allowed."};
  }
  const log::TopicSettings& before = call->broker.group_configs.of(plan.name);
  log::TopicSettings after = before;
  if (auto refusal = apply_all(plan, group_setting_table(), after)) return refusal;
  if (const auto valid = check_group_settings(after); !valid) {
    return Refusal{ErrorCode::kInvalidConfig, valid.error().detail};
  }
  if (plan.validate_only || after == before) return std::nullopt;
  ++call->waiting;
  const log::PropertyChanges changes = group_changes(plan.name, before, after);
  call->broker.store.put_properties_async(
      changes, [call, index, changes](const Result<void>& done) {
        if (done) {
          call->broker.group_configs.apply(changes);
          call->broker.coordinator.on_group_configured(call->results[index].resource_name);
        } else {
          refuse(call->results[index], error_code(done.error().code, AnswerTo::kAdmin),
                 done.error().detail);
        }
        if (--call->waiting == 0) finish(*call);
      });
  return std::nullopt;
}

// --- brokers

/// Nothing of a broker can be changed while it runs: what steled is told at its start holds. To
/// take away what was never changed changes nothing (kafka-reassign-partitions does).
MaybeRefusal alter_broker(const Broker& broker, const Plan& plan) {
  const std::string own = std::to_string(broker.options.node_id);
  if (!plan.name.empty() && plan.name != own) {
    return Refusal{ErrorCode::kInvalidRequest, fmt::format("Unexpected broker id, expected {}, but "
                                                           "received {}",
                                                           own, plan.name)};
  }
  std::vector<std::string_view> names;
  for (const Change& change : plan.changes) {
    if (change.operation != Operation::kDelete) names.push_back(change.name);
  }
  if (names.empty()) return std::nullopt;
  return Refusal{
      ErrorCode::kInvalidRequest,
      fmt::format(
          "Invalid config value for resource ConfigResource(type=BROKER, name='{}'): Cannot "
          "update these configs dynamically: [{}]",
          plan.name, fmt::join(names, ", "))};
}

// --- the two requests

MaybeRefusal alter_one(const CallPtr& call, std::size_t index, const Plan& plan) {
  if (auto refusal = check_changes(plan)) return refusal;
  switch (plan.type) {
    case ResourceType::kTopic:
      return alter_topic(call, index, plan);
    case ResourceType::kGroup:
      return alter_group(call, index, plan);
    case ResourceType::kBroker:
      return alter_broker(call->broker, plan);
    default:
      return Refusal{ErrorCode::kInvalidRequest,
                     fmt::format("Unexpected resource type {}", static_cast<int>(plan.type))};
  }
}

Next alter(const CallPtr& call, const std::vector<Plan>& plans) {
  const auto same = [](const Plan& one) {
    return [&one](const Plan& other) { return one.type == other.type && one.name == other.name; };
  };
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  call->results.resize(plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    AlterConfigsResult& result = call->results[i];
    result.resource_type = plans[i].type;
    result.resource_name = std::string(plans[i].name);
    result.error_message.reset();
    const bool twice = std::ranges::count_if(plans, same(plans[i])) > 1;
    auto refusal =
        twice ? Refusal{ErrorCode::kInvalidRequest, "Each resource must appear at most once."}
              : alter_one(call, i, plans[i]);
    if (refusal) refuse(result, refusal->error, std::move(refusal->message));
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

}  // namespace

Next handle_alter_configs(Broker& broker, Request request) {
  const auto asked = read_body<AlterConfigsRequest>(request);
  if (!asked) return Next::kClose;
  std::vector<Plan> plans;
  for (const AlterConfigsRequestResource& resource : asked->resources) {
    Plan& plan = plans.emplace_back(Plan{.type = resource.resource_type,
                                         .name = resource.resource_name,
                                         .changes = {},
                                         .replaces = true,
                                         .validate_only = asked->validate_only});
    for (const AlterConfigsRequestEntry& entry : resource.configs) {
      plan.changes.push_back({entry.name, Operation::kSet, entry.value});
    }
  }
  return alter(std::make_shared<AlterCall>(AlterCall{.broker = broker, .request = request}), plans);
}

Next handle_incremental_alter_configs(Broker& broker, Request request) {
  const auto asked = read_body<IncrementalAlterConfigsRequest>(request);
  if (!asked) return Next::kClose;
  std::vector<Plan> plans;
  for (const IncrementalAlterConfigsResource& resource : asked->resources) {
    Plan& plan = plans.emplace_back(Plan{.type = resource.resource_type,
                                         .name = resource.resource_name,
                                         .changes = {},
                                         .validate_only = asked->validate_only});
    for (const IncrementalAlterConfigsEntry& entry : resource.configs) {
      plan.changes.push_back(
          {entry.name, static_cast<Operation>(entry.config_operation), entry.value});
    }
  }
  return alter(std::make_shared<AlterCall>(AlterCall{.broker = broker, .request = request}), plans);
}

}  // namespace stele::kafka
