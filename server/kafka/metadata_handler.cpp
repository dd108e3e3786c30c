#include <algorithm>

#include "server/kafka/handlers.h"
#include "server/kafka/wire/cluster.h"

namespace stele::kafka {

namespace {

constexpr std::int16_t kTopicIdRequestsFrom = 12;  // in v10 and v11 the field is there but unused
// Bits by operation number (AclOperation): what is allowed where nobody is refused anything.
constexpr std::int32_t kTopicOperations = 0xdf8;
constexpr std::int32_t kClusterOperations = 0x1fa0;

/// A Metadata request that may wait for topics to be created.
struct MetadataCall {
  Broker& broker;
  Request request;
  server::HostPort advertised;
  bool with_topic_operations = false;
  bool with_cluster_operations = false;
  bool all_topics = false;
  std::vector<MetadataResponseTopic> topics{};  ///< names and ids asked for; errors where known
  std::size_t creating = 0;
};

void describe(const MetadataCall& call, const log::TopicInfo& topic, MetadataResponseTopic& into) {
  into.name = topic.name;
  into.topic_id = topic.id;
  into.is_internal = topic.internal;
  if (call.with_topic_operations) into.topic_authorized_operations = kTopicOperations;
  const std::int32_t node = call.broker.options.node_id;
  into.partitions.reserve(static_cast<std::size_t>(topic.partition_count));
  for (std::int32_t i = 0; i < topic.partition_count; ++i) {
    const auto ends = call.broker.store.ends({topic.id, i});
    MetadataResponsePartition& partition = into.partitions.emplace_back();
    partition.partition = i;
    partition.leader_id = node;
    partition.leader_epoch = ends ? ends->epoch : -1;
    partition.replica_nodes = {node};
    partition.isr_nodes = {node};
  }
}

void finish(MetadataCall& call) {
  MetadataResponse response;
  response.brokers = {
      {call.broker.options.node_id, call.advertised.host, call.advertised.port, {}}};
  response.cluster_id = call.broker.store.id().text();
  response.controller_id = call.broker.options.node_id;
  if (call.with_cluster_operations) response.cluster_authorized_operations = kClusterOperations;
  if (call.all_topics) {
    for (const log::TopicPtr& topic : call.broker.store.topics()) {
      describe(call, *topic, response.topics.emplace_back());
    }
  }
  for (MetadataResponseTopic& asked : call.topics) {
    if (asked.error_code == ErrorCode::kNone) {
      const bool by_id = !asked.topic_id.is_zero();
      const log::TopicPtr topic = by_id ? call.broker.store.find_topic(asked.topic_id)
                                        : call.broker.store.find_topic(asked.name.value_or(""));
      if (topic) {
        describe(call, *topic, asked);
      } else {
        asked.error_code = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
      }
    }
    call.broker.metrics.count_error(ApiKey::kMetadata, asked.error_code);
    response.topics.push_back(std::move(asked));
  }
  answer(call.request, response, call.broker.env.now());
}

MetadataResponseTopic asked_topic(const MetadataRequestTopic& asked, std::int16_t version) {
  MetadataResponseTopic topic;
  topic.topic_id = asked.topic_id;
  if (asked.name) topic.name = std::string(*asked.name);
  const bool by_id = !asked.topic_id.is_zero();
  if (version < kTopicIdRequestsFrom ? by_id || !asked.name : !by_id && !asked.name) {
    topic.error_code = ErrorCode::kInvalidRequest;
    topic.name = topic.name.value_or("");
    return topic;
  }
  if (by_id) {
    topic.name.reset();  // answered with the topic's own name, or none
  } else if (!is_legal_topic_name(*topic.name)) {
    topic.error_code = ErrorCode::kInvalidTopicException;
  }
  return topic;
}

bool wants_creation(const MetadataCall& call, const MetadataResponseTopic& topic) {
  return topic.error_code == ErrorCode::kNone && topic.topic_id.is_zero() &&
         !call.broker.store.find_topic(*topic.name);
}

void create(const std::shared_ptr<MetadataCall>& call, std::size_t index) {
  MetadataResponseTopic& topic = call->topics[index];
  if (is_reserved_topic_name(*topic.name)) {
    topic.error_code = ErrorCode::kInvalidTopicException;
    return;
  }
  ++call->creating;
  log::TopicSpec spec{*topic.name, call->broker.options.default_partitions, {}};
  call->broker.store.create_topic_async(
      std::move(spec), [call, index](const Result<log::TopicPtr>& created) {
        if (!created && created.error().code != Code::kAlreadyExists) {
          call->topics[index].error_code = error_code(created.error().code, AnswerTo::kAdmin);
        }
        if (created) call->broker.coordinator.on_topic_changed((*created)->name);
        if (--call->creating == 0) finish(*call);
      });
}

}  // namespace

Next handle_metadata(Broker& broker, Request request, const Client& client) {
  const auto asked = read_body<MetadataRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<MetadataCall>(MetadataCall{
      .broker = broker, .request = request, .advertised = broker.advertised_to(client)});
  call->request.let_go_of_frame();
  call->with_topic_operations = asked->include_topic_authorized_operations;
  call->with_cluster_operations = asked->include_cluster_authorized_operations;
  call->all_topics = !asked->topics || (request.version == 0 && asked->topics->empty());
  if (asked->topics) {
    for (const MetadataRequestTopic& topic : *asked->topics) {
      call->topics.push_back(asked_topic(topic, request.version));
    }
  }
  call->creating = 1;  // this call itself, so that it is not answered half-way
  if (broker.options.auto_create_topics && asked->allow_auto_topic_creation) {
    for (std::size_t i = 0; i < call->topics.size(); ++i) {
      if (wants_creation(*call, call->topics[i])) create(call, i);
    }
  }
  if (--call->creating == 0) finish(*call);
  return Next::kWait;
}

Next handle_describe_cluster(Broker& broker, const Request& request, const Client& client) {
  const auto asked = read_body<DescribeClusterRequest>(request);
  if (!asked) return Next::kClose;
  constexpr std::int8_t kBrokers = 1;
  constexpr std::int8_t kControllers = 2;
  DescribeClusterResponse response;
  response.endpoint_type = asked->endpoint_type;
  if (asked->endpoint_type != kBrokers) {
    const bool known = asked->endpoint_type == kControllers;
    response.error_code =
        known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType;
    response.error_message = "this is a broker: ask for endpoint type 1";
    broker.metrics.count_error(ApiKey::kDescribeCluster, response.error_code);
  } else {
    const server::HostPort advertised = broker.advertised_to(client);
    response.cluster_id = broker.store.id().text();
    response.controller_id = broker.options.node_id;
    response.brokers = {{broker.options.node_id, advertised.host, advertised.port, {}, false}};
    if (asked->include_cluster_authorized_operations) {
      response.cluster_authorized_operations = kClusterOperations;
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
