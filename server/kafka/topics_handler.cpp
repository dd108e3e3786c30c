#include <algorithm>
#include <set>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/topics.h"

namespace stele::kafka {

namespace {

/// Why a topic is refused.
struct Refusal {
  ErrorCode error;
  std::string message;
};

struct CreateCall {
  Broker& broker;
  Request request;
  CreateTopicsResponse response{};
  std::size_t waiting = 0;
};

struct DeleteCall {
  Broker& broker;
  Request request;
  DeleteTopicsResponse response{};
  std::size_t waiting = 0;
};

template <class Call>
void finish(Call& call) {
  for (const auto& topic : call.response.topics) {
    call.broker.metrics.count_error(call.request.api, topic.error_code);
  }
  answer(call.request, call.response, call.broker.env.now());
}

// --- creation

std::optional<Refusal> check_assignments(const CreateTopicsRequestTopic& asked,
                                         std::int32_t node_id) {
  if (asked.partition_count != -1 || asked.replication_factor != -1) {
    return Refusal{ErrorCode::kInvalidRequest,
                   "with assignments, partitions and replication factor must be -1"};
  }
  std::vector<bool> seen(asked.assignments.size());
  for (const CreateTopicsRequestAssignment& assignment : asked.assignments) {
    const auto index = static_cast<std::size_t>(assignment.partition);
    if (assignment.partition < 0 || index >= seen.size() || seen[index]) {
      return Refusal{ErrorCode::kInvalidReplicaAssignment,
                     "partitions must count from 0 without gaps"};
    }
    seen[index] = true;
    if (assignment.broker_ids != std::vector<std::int32_t>{node_id}) {
      return Refusal{ErrorCode::kInvalidReplicaAssignment,
                     fmt::format("the only broker is {}", node_id)};
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_counts(const CreateTopicsRequestTopic& asked,
                                    const BrokerOptions& options) {
  if (!asked.assignments.empty()) return check_assignments(asked, options.node_id);
  if (asked.partition_count < 1 && asked.partition_count != -1) {
    return Refusal{ErrorCode::kInvalidPartitions, "at least one partition, or -1 for the default"};
  }
  const std::int16_t replicas = asked.replication_factor;
  if (replicas < 1 && replicas != -1) {
    return Refusal{ErrorCode::kInvalidReplicationFactor, "1, or -1 for the default"};
  }
  if (replicas > 1 && !options.clamp_replication) {
    return Refusal{ErrorCode::kInvalidReplicationFactor,
                   fmt::format("replication factor {} is larger than the number of brokers, 1 "
                               "(steled --replication clamp accepts it)",
                               replicas)};
  }
  return std::nullopt;
}

std::optional<Refusal> take_settings(const CreateTopicsRequestTopic& asked,
                                     log::TopicSettings& settings) {
  for (const CreateTopicsRequestConfig& config : asked.configs) {
    if (!config.value) {
      return Refusal{ErrorCode::kInvalidConfig, fmt::format("{} has no value", config.name)};
    }
    settings.insert_or_assign(std::string(config.name), std::string(*config.value));
  }
  if (const auto parsed = log::TopicConfig::parse(settings); !parsed) {
    return Refusal{ErrorCode::kInvalidConfig, parsed.error().detail};
  }
  return std::nullopt;
}

/// What is to be created, or why not.
std::optional<Refusal> plan(const Broker& broker, const CreateTopicsRequestTopic& asked,
                            log::TopicSpec& spec) {
  if (!is_legal_topic_name(asked.name) || is_reserved_topic_name(asked.name)) {
    return Refusal{ErrorCode::kInvalidTopicException,
                   "a topic's name is 1 to 249 of [a-zA-Z0-9._-], not . or .., and not reserved"};
  }
  spec.name = std::string(asked.name);
  if (broker.store.find_topic(asked.name)) {
    return Refusal{ErrorCode::kTopicAlreadyExists,
                   fmt::format("Topic '{}' already exists.", asked.name)};
  }
  if (auto refusal = check_counts(asked, broker.options)) return refusal;
  spec.partition_count = !asked.assignments.empty()
                             ? static_cast<std::int32_t>(asked.assignments.size())
                         : asked.partition_count == -1 ? broker.options.default_partitions
                                                       : asked.partition_count;
  return take_settings(asked, spec.settings);
}

void describe(CreateTopicsResponseTopic& into, const log::TopicSpec& spec) {
  constexpr std::int8_t kFromTopic = 1;
  constexpr std::int8_t kFromDefault = 5;
  into.error_message.reset();
  into.partition_count = spec.partition_count;
  into.replication_factor = 1;
  into.configs.emplace();
  for (const log::SettingInfo& setting : log::topic_setting_table()) {
    const auto given = spec.settings.find(setting.name);
    const bool overridden = given != spec.settings.end();
    into.configs->push_back({std::string(setting.name),
                             overridden ? given->second : std::string(setting.default_value), false,
                             overridden ? kFromTopic : kFromDefault, false});
  }
}

void create(const std::shared_ptr<CreateCall>& call, std::size_t index,
            const log::TopicSpec& spec) {
  ++call->waiting;
  call->broker.store.create_topic_async(
      spec, [call, index, spec](const Result<log::TopicPtr>& created) {
        CreateTopicsResponseTopic& topic = call->response.topics[index];
        if (created) {
          describe(topic, spec);
          topic.topic_id = (*created)->id;
          call->broker.coordinator.on_topic_changed((*created)->name);
        } else {
          topic.error_code = error_code(created.error().code, AnswerTo::kAdmin);
          topic.error_message = created.error().detail;
        }
        if (--call->waiting == 0) finish(*call);
      });
}

std::set<std::string_view> names_given_twice(const CreateTopicsRequest& asked) {
  std::set<std::string_view> once;
  std::set<std::string_view> twice;
  for (const CreateTopicsRequestTopic& topic : asked.topics) {
    if (!once.insert(topic.name).second) twice.insert(topic.name);
  }
  return twice;
}

// --- deletion

void erase(const std::shared_ptr<DeleteCall>& call, std::size_t index, const log::TopicPtr& topic) {
  ++call->waiting;
  call->broker.store.delete_topic_async(topic->id, [call, index, topic](Result<void> done) {
    DeleteTopicsResponseTopic& answered = call->response.topics[index];
    if (!done) {
      answered.error_code = error_code(done.error().code, AnswerTo::kAdmin);
      answered.error_message = done.error().detail;
    } else {
      call->broker.coordinator.on_topic_deleted(topic->name);
    }
    for (std::int32_t i = 0; i < topic->partition_count; ++i) {
      call->broker.waits.advanced({topic->id, i});  // fetches learn that it has gone
    }
    if (--call->waiting == 0) finish(*call);
  });
}

void refuse(DeleteTopicsResponseTopic& topic, ErrorCode error, std::string message) {
  topic.error_code = error;
  topic.error_message = std::move(message);
}

log::TopicPtr find_to_delete(const Broker& broker, const DeleteTopicsRequestTopic& asked,
                             DeleteTopicsResponseTopic& answered) {
  answered.topic_id = asked.topic_id;
  answered.name.reset();
  if (asked.name) answered.name = std::string(*asked.name);
  const bool by_id = !asked.topic_id.is_zero();
  if (by_id == asked.name.has_value()) {
    refuse(answered, ErrorCode::kInvalidRequest, "either a name or an id");
    return nullptr;
  }
  log::TopicPtr topic =
      by_id ? broker.store.find_topic(asked.topic_id) : broker.store.find_topic(*asked.name);
  if (!topic) {
    refuse(answered, by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition,
           "no such topic");
    return nullptr;
  }
  if (topic->internal || is_reserved_topic_name(topic->name)) {
    refuse(answered, ErrorCode::kInvalidTopicException, "an internal topic");
    return nullptr;
  }
  answered.name = topic->name;
  answered.topic_id = topic->id;
  return topic;
}

}  // namespace

Next handle_create_topics(Broker& broker, Request request) {
  const auto asked = read_body<CreateTopicsRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<CreateCall>(CreateCall{.broker = broker, .request = request});
  const std::set<std::string_view> twice = names_given_twice(*asked);
  std::set<std::string_view> answered_twice;
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const CreateTopicsRequestTopic& topic : asked->topics) {
    if (twice.contains(topic.name) && !answered_twice.insert(topic.name).second) continue;
    CreateTopicsResponseTopic& answered = call->response.topics.emplace_back();
    answered.name = std::string(topic.name);
    log::TopicSpec spec;
    auto refusal = plan(broker, topic, spec);
    if (twice.contains(topic.name)) refusal = {ErrorCode::kInvalidRequest, "named more than once"};
    if (refusal) {
      answered.error_code = refusal->error;
      answered.error_message = std::move(refusal->message);
    } else if (asked->validate_only) {
      describe(answered, spec);
    } else {
      create(call, call->response.topics.size() - 1, spec);
    }
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

Next handle_delete_topics(Broker& broker, Request request) {
  constexpr std::int16_t kTopicIdsFrom = 6;
  auto asked = read_body<DeleteTopicsRequest>(request);
  if (!asked) return Next::kClose;
  if (request.version < kTopicIdsFrom) {
    for (const std::string_view topic : asked->topic_names) asked->topics.push_back({topic, {}});
  }
  auto call = std::make_shared<DeleteCall>(DeleteCall{.broker = broker, .request = request});
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const DeleteTopicsRequestTopic& topic : asked->topics) {
    DeleteTopicsResponseTopic& answered = call->response.topics.emplace_back();
    if (const log::TopicPtr found = find_to_delete(broker, topic, answered)) {
      erase(call, call->response.topics.size() - 1, found);
    }
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

}  // namespace stele::kafka
