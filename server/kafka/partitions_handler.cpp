#include <algorithm>
#include <set>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/partitions.h"

namespace stele::kafka {

namespace {

// --- CreatePartitions

struct CreateCall {
  Broker& broker;
  Request request;
  CreatePartitionsResponse response{};
  std::size_t waiting = 0;
};

void finish(CreateCall& call) {
  for (const CreatePartitionsResult& result : call.response.results) {
    call.broker.metrics.count_error(call.request.api, result.error_code);
  }
  answer(call.request, call.response, call.broker.env.now());
}

void refuse(CreatePartitionsResult& result, ErrorCode error, std::string message) {
  result.error_code = error;
  result.error_message = std::move(message);
}

/// True if each new partition is given to this node alone.
bool check_assignments(const CreatePartitionsTopic& asked, std::int32_t present,
                       std::int32_t node_id, CreatePartitionsResult& result) {
  if (!asked.assignments) return true;
  const auto wanted = static_cast<std::size_t>(asked.count - present);
  if (asked.assignments->size() != wanted) {
    refuse(result, ErrorCode::kInvalidReplicaAssignment,
           fmt::format("Attempted to add {} additional partition(s), but only {} assignment(s) "
                       "were specified.",
                       wanted, asked.assignments->size()));
    return false;
  }
  for (const CreatePartitionsAssignment& assignment : *asked.assignments) {
    if (assignment.broker_ids == std::vector<std::int32_t>{node_id}) continue;
    refuse(result, ErrorCode::kInvalidReplicaAssignment,
           fmt::format("the only broker is {}", node_id));
    return false;
  }
  return true;
}

/// The topic if it may grow as asked; null after the refusal.
log::TopicPtr find_to_grow(const Broker& broker, const CreatePartitionsTopic& asked,
                           CreatePartitionsResult& result) {
  const log::TopicPtr topic = broker.store.find_topic(asked.name);
  if (!topic) {
    refuse(result, ErrorCode::kUnknownTopicOrPartition,
           fmt::format("The topic '{}' does not exist.", asked.name));
    return nullptr;
  }
  if (topic->internal || is_reserved_topic_name(topic->name)) {
    refuse(result, ErrorCode::kInvalidTopicException, "an internal topic");
    return nullptr;
  }
  const std::int32_t present = topic->partition_count;
  if (asked.count <= present) {
    const std::string why =
        asked.count == present
            ? fmt::format("Topic already has {} partition(s).", present)
            : fmt::format(
                  "The topic {} currently has {} partition(s); {} would not be an increase.",
                  asked.name, present, asked.count);
    refuse(result, ErrorCode::kInvalidPartitions, why);
    return nullptr;
  }
  return check_assignments(asked, present, broker.options.node_id, result) ? topic : nullptr;
}

void grow(const std::shared_ptr<CreateCall>& call, std::size_t index, const Uuid& topic,
          std::int32_t count) {
  ++call->waiting;
  call->broker.store.add_partitions_async(
      topic, count, [call, index](const Result<log::TopicPtr>& grown) {
        if (!grown) {
          const bool too_many = grown.error().code == Code::kOverloaded;
          refuse(call->response.results[index],
                 too_many ? ErrorCode::kInvalidPartitions
                          : error_code(grown.error().code, AnswerTo::kAdmin),
                 grown.error().detail);
        } else {
          call->broker.coordinator.on_topic_changed((*grown)->name);
        }
        if (--call->waiting == 0) finish(*call);
      });
}

// --- DeleteRecords

struct DeleteCall {
  Broker& broker;
  Request request;
  DeleteRecordsResponse response{};
  std::size_t waiting = 0;
};

void finish(DeleteCall& call) {
  for (const DeleteRecordsResponseTopic& topic : call.response.topics) {
    for (const DeleteRecordsResponsePartition& partition : topic.partitions) {
      call.broker.metrics.count_error(call.request.api, partition.error_code);
    }
  }
  answer(call.request, call.response, call.broker.env.now());
}

/// Where to cut, or why not at all.
ErrorCode plan_cut(const Broker& broker, const log::TopicPtr& topic,
                   const DeleteRecordsRequestPartition& asked, Offset& before) {
  constexpr std::int64_t kHighWatermark = -1;
  if (!topic) return ErrorCode::kUnknownTopicOrPartition;
  if (topic->internal || is_reserved_topic_name(topic->name)) {
    return ErrorCode::kInvalidTopicException;
  }
  if (topic->config.cleanup_policy == log::CleanupPolicy::kCompact) {
    return ErrorCode::kPolicyViolation;
  }
  const auto ends = broker.store.ends({topic->id, asked.partition});
  if (!ends) return ErrorCode::kUnknownTopicOrPartition;
  before = asked.offset == kHighWatermark ? ends->end : Offset(asked.offset);
  const bool outside = before < Offset(0) || before > ends->end;
  return outside ? ErrorCode::kOffsetOutOfRange : ErrorCode::kNone;
}

void cut(const std::shared_ptr<DeleteCall>& call, std::size_t topic_index,
         std::size_t partition_index, const TopicPartition& partition, Offset before) {
  ++call->waiting;
  call->broker.store.delete_records_async(
      partition, before, [call, topic_index, partition_index](const Result<Offset>& start) {
        DeleteRecordsResponsePartition& answered =
            call->response.topics[topic_index].partitions[partition_index];
        if (start) {
          answered.low_watermark = start->raw();
        } else {
          answered.error_code = error_code(start.error().code, AnswerTo::kAdmin);
        }
        if (--call->waiting == 0) finish(*call);
      });
}

// --- DescribeTopicPartitions

constexpr std::int32_t kPartitionsMax = 2'000;  // max.request.partition.size.limit
constexpr std::int32_t kTopicOperations = 0xdf8;

DescribeTopicPartitionsResponsePartition described(const Broker& broker,
                                                   const TopicPartition& partition) {
  const std::int32_t node = broker.options.node_id;
  const auto ends = broker.store.ends(partition);
  DescribeTopicPartitionsResponsePartition answered;
  answered.partition = partition.partition;
  answered.leader_id = node;
  answered.leader_epoch = ends ? ends->epoch : -1;
  answered.replica_nodes = {node};
  answered.isr_nodes = {node};
  // Null is legal, but Java's admin client takes these for lists.
  answered.eligible_leader_replicas.emplace();
  answered.last_known_elr.emplace();
  return answered;
}

/// One answer, filled topic after topic until it is full.
class PartitionPage {
public:
  PartitionPage(const Broker& broker, std::int32_t partitions_max)
      : broker_(broker), left_(partitions_max) {}

  /// False: full; the cursor says where to go on.
  bool add(std::string_view name, std::int32_t first_partition) {
    if (left_ <= 0) {
      response_.next_cursor = {.topic_name = std::string(name), .partition = first_partition};
      return false;
    }
    DescribeTopicPartitionsResponseTopic& topic = response_.topics.emplace_back();
    topic.name = std::string(name);
    const log::TopicPtr found = broker_.store.find_topic(name);
    if (!found) {
      topic.error_code = is_legal_topic_name(name) ? ErrorCode::kUnknownTopicOrPartition
                                                   : ErrorCode::kInvalidTopicException;
      return true;
    }
    topic.topic_id = found->id;
    topic.is_internal = found->internal;
    topic.topic_authorized_operations = kTopicOperations;
    std::int32_t next = first_partition;
    for (; next < found->partition_count && left_ > 0; ++next, --left_) {
      topic.partitions.push_back(described(broker_, {found->id, next}));
    }
    if (next >= found->partition_count) return true;
    response_.next_cursor = {.topic_name = std::string(name), .partition = next};
    return false;
  }
  [[nodiscard]] const DescribeTopicPartitionsResponse& response() const { return response_; }

private:
  const Broker& broker_;
  std::int32_t left_;
  DescribeTopicPartitionsResponse response_;
};

std::set<std::string> topics_from(const Broker& broker,
                                  const DescribeTopicPartitionsRequest& asked) {
  std::set<std::string> names;
  for (const DescribeTopicPartitionsRequestTopic& topic : asked.topics) {
    names.insert(std::string(topic.name));
  }
  if (asked.topics.empty()) {
    for (const log::TopicPtr& topic : broker.store.topics()) names.insert(topic->name);
  }
  if (asked.cursor) {
    names.erase(names.begin(), names.lower_bound(std::string(asked.cursor->topic_name)));
  }
  return names;
}

}  // namespace

Next handle_create_partitions(Broker& broker, Request request) {
  const auto asked = read_body<CreatePartitionsRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<CreateCall>(CreateCall{.broker = broker, .request = request});
  std::set<std::string_view> once;
  std::set<std::string_view> twice;
  for (const CreatePartitionsTopic& topic : asked->topics) {
    if (!once.insert(topic.name).second) twice.insert(topic.name);
  }
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const CreatePartitionsTopic& topic : asked->topics) {
    if (twice.contains(topic.name) && once.erase(topic.name) == 0) continue;
    CreatePartitionsResult& result = call->response.results.emplace_back();
    result.name = std::string(topic.name);
    if (twice.contains(topic.name)) {
      refuse(result, ErrorCode::kInvalidRequest, "Duplicate topic name.");
      continue;
    }
    const log::TopicPtr found = find_to_grow(broker, topic, result);
    if (found && !asked->validate_only) {
      grow(call, call->response.results.size() - 1, found->id, topic.count);
    }
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

Next handle_delete_records(Broker& broker, Request request) {
  const auto asked = read_body<DeleteRecordsRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<DeleteCall>(DeleteCall{.broker = broker, .request = request});
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const DeleteRecordsRequestTopic& topic : asked->topics) {
    const std::size_t topic_index = call->response.topics.size();
    DeleteRecordsResponseTopic& answered = call->response.topics.emplace_back();
    answered.name = std::string(topic.name);
    const log::TopicPtr found = broker.store.find_topic(topic.name);
    for (const DeleteRecordsRequestPartition& partition : topic.partitions) {
      const std::size_t partition_index = answered.partitions.size();
      Offset before;
      const ErrorCode error = plan_cut(broker, found, partition, before);
      answered.partitions.push_back({partition.partition, -1, error});
      if (error == ErrorCode::kNone) {
        cut(call, topic_index, partition_index, {found->id, partition.partition}, before);
      }
    }
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

Next handle_describe_topic_partitions(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeTopicPartitionsRequest>(request);
  if (!asked) return Next::kClose;
  const bool valid =
      asked->response_partition_limit > 0 && (!asked->cursor || asked->cursor->partition >= 0);
  if (!valid) {
    DescribeTopicPartitionsResponse refused;
    for (const DescribeTopicPartitionsRequestTopic& topic : asked->topics) {
      refused.topics.push_back(
          {.error_code = ErrorCode::kInvalidRequest, .name = std::string(topic.name)});
    }
    broker.metrics.count_error(request.api, ErrorCode::kInvalidRequest);
    answer(request, refused, broker.env.now());
    return Next::kGoOn;
  }
  PartitionPage page(broker, std::min(asked->response_partition_limit, kPartitionsMax));
  for (const std::string& name : topics_from(broker, *asked)) {
    const bool is_cursors = asked->cursor && asked->cursor->topic_name == name;
    if (!page.add(name, is_cursors ? asked->cursor->partition : 0)) break;
  }
  answer(request, page.response(), broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
