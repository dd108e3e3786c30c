// One node holds and leads everything: what that means for the APIs that ask where replicas are.
#include <algorithm>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/log_dirs.h"
#include "server/kafka/wire/quorum.h"
#include "server/kafka/wire/replicas.h"

namespace stele::kafka {

namespace {

constexpr std::string_view kMetadataTopic = "__cluster_metadata";

// --- ElectLeaders

ElectLeadersResponsePartition elect(const Broker& broker, const ElectLeadersRequest& asked,
                                    std::string_view topic, std::int32_t partition) {
  constexpr std::int8_t kUnclean = 1;
  const auto refused = [&](ErrorCode error, std::string why) {
    return ElectLeadersResponsePartition{partition, error, std::move(why)};
  };
  if (asked.election_type < 0 || asked.election_type > kUnclean) {
    return refused(ErrorCode::kInvalidRequest,
                   fmt::format("Unknown election type {}", asked.election_type));
  }
  const log::TopicPtr found = broker.store.find_topic(topic);
  if (!found) {
    return refused(ErrorCode::kUnknownTopicOrPartition, fmt::format("No such topic as {}", topic));
  }
  if (partition < 0 || partition >= found->partition_count) {
    return refused(ErrorCode::kUnknownTopicOrPartition,
                   fmt::format("No such partition as {}-{}", topic, partition));
  }
  return refused(ErrorCode::kElectionNotNeeded, "Leader election not needed for topic partition.");
}

// --- reassignments

ReassignmentResponsePartition reassign(const Broker& broker, const log::TopicPtr& topic,
                                       const ReassignmentRequestPartition& asked) {
  const auto refused = [&](ErrorCode error, std::string why) {
    return ReassignmentResponsePartition{asked.partition, error, std::move(why)};
  };
  if (!topic || asked.partition < 0 || asked.partition >= topic->partition_count) {
    return refused(ErrorCode::kUnknownTopicOrPartition,
                   "This server does not host this topic-partition.");
  }
  if (!asked.replicas) {
    return refused(ErrorCode::kNoReassignmentInProgress,
                   "No partition reassignment is in progress.");
  }
  if (asked.replicas->empty()) {
    return refused(ErrorCode::kInvalidReplicaAssignment,
                   "The manual partition assignment includes an empty replica list.");
  }
  const std::int32_t node = broker.options.node_id;
  for (const std::int32_t replica : *asked.replicas) {
    if (replica == node) continue;
    return refused(ErrorCode::kInvalidReplicaAssignment,
                   fmt::format("The manual partition assignment includes broker {}, but no such "
                               "broker is registered.",
                               replica));
  }
  if (asked.replicas->size() > 1) {
    return refused(
        ErrorCode::kInvalidReplicaAssignment,
        fmt::format("The manual partition assignment includes the broker {} more than once.",
                    node));
  }
  return {asked.partition, ErrorCode::kNone, std::nullopt};
}

// --- DescribeLogDirs

DescribedLogDirTopic described(const Broker& broker, const log::TopicInfo& topic,
                               const std::vector<std::int32_t>* partitions) {
  DescribedLogDirTopic answered;
  answered.name = topic.name;
  const auto add = [&](std::int32_t partition) {
    const auto size = broker.store.size_bytes({topic.id, partition});
    if (size) answered.partitions.push_back({partition, *size, 0, false});
  };
  if (partitions != nullptr) {
    std::ranges::for_each(*partitions, add);
  } else {
    for (std::int32_t i = 0; i < topic.partition_count; ++i) add(i);
  }
  return answered;
}

void describe_topics(const Broker& broker, const DescribeLogDirsRequest& asked,
                     DescribedLogDir& folder) {
  if (!asked.topics) {
    for (const log::TopicPtr& topic : broker.store.topics()) {
      folder.topics.push_back(described(broker, *topic, nullptr));
    }
    return;
  }
  for (const DescribeLogDirsRequestTopic& wanted : *asked.topics) {
    const log::TopicPtr topic = broker.store.find_topic(wanted.topic);
    if (topic) folder.topics.push_back(described(broker, *topic, &wanted.partitions));
  }
}

// --- DescribeQuorum

DescribeQuorumResponsePartition described_quorum(Broker& broker) {
  const std::int64_t now_ms = broker.env.wall_us() / 1000;
  DescribeQuorumResponsePartition quorum;
  quorum.error_message.reset();
  quorum.leader_id = broker.options.node_id;
  quorum.leader_epoch = 1;
  quorum.high_watermark = broker.store.end().raw();
  quorum.current_voters = {
      {broker.options.node_id, broker.store.id(), quorum.high_watermark, now_ms, now_ms}};
  return quorum;
}

}  // namespace

Next handle_elect_leaders(Broker& broker, const Request& request) {
  const auto asked = read_body<ElectLeadersRequest>(request);
  if (!asked) return Next::kClose;
  ElectLeadersResponse response;  // all partitions: those that need an election, none
  if (asked->topic_partitions) {
    for (const ElectLeadersRequestTopic& topic : *asked->topic_partitions) {
      ElectLeadersResponseTopic& answered = response.replica_election_results.emplace_back();
      answered.topic = std::string(topic.topic);
      for (const std::int32_t partition : topic.partitions) {
        answered.partition_result.push_back(elect(broker, *asked, topic.topic, partition));
        broker.metrics.count_error(request.api, answered.partition_result.back().error_code);
      }
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_alter_partition_reassignments(Broker& broker, const Request& request) {
  const auto asked = read_body<AlterPartitionReassignmentsRequest>(request);
  if (!asked) return Next::kClose;
  AlterPartitionReassignmentsResponse response;
  response.error_message.reset();
  response.allow_replication_factor_change = asked->allow_replication_factor_change;
  for (const ReassignmentRequestTopic& topic : asked->topics) {
    ReassignmentResponseTopic& answered = response.responses.emplace_back();
    answered.name = std::string(topic.name);
    const log::TopicPtr found = broker.store.find_topic(topic.name);
    for (const ReassignmentRequestPartition& partition : topic.partitions) {
      answered.partitions.push_back(reassign(broker, found, partition));
      broker.metrics.count_error(request.api, answered.partitions.back().error_code);
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_list_partition_reassignments(Broker& broker, const Request& request) {
  if (!read_body<ListPartitionReassignmentsRequest>(request)) return Next::kClose;
  ListPartitionReassignmentsResponse response;
  response.error_message.reset();
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_describe_log_dirs(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeLogDirsRequest>(request);
  if (!asked) return Next::kClose;
  DescribeLogDirsResponse response;
  DescribedLogDir& folder = response.results.emplace_back();
  folder.log_dir = broker.options.data_folder;
  if (const auto free = broker.env.free_bytes(folder.log_dir)) {
    folder.usable_bytes = static_cast<std::int64_t>(*free);
    folder.total_bytes = folder.usable_bytes + broker.store.stats().log_bytes;
  }
  describe_topics(broker, *asked, folder);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_describe_quorum(Broker& broker, const Request& request, const Client& client) {
  const auto asked = read_body<DescribeQuorumRequest>(request);
  if (!asked) return Next::kClose;
  DescribeQuorumResponse response;
  response.error_message.reset();
  for (const DescribeQuorumRequestTopic& topic : asked->topics) {
    DescribeQuorumResponseTopic& answered = response.topics.emplace_back();
    answered.topic_name = std::string(topic.topic_name);
    for (const DescribeQuorumRequestPartition& partition : topic.partitions) {
      if (topic.topic_name == kMetadataTopic && partition.partition == 0) {
        answered.partitions.push_back(described_quorum(broker));
        continue;
      }
      DescribeQuorumResponsePartition& unknown = answered.partitions.emplace_back();
      unknown.partition = partition.partition;
      unknown.error_code = ErrorCode::kUnknownTopicOrPartition;
      unknown.error_message.reset();
      broker.metrics.count_error(request.api, unknown.error_code);
    }
  }
  const server::HostPort advertised = broker.advertised_to(client);
  response.nodes = {{broker.options.node_id, {{"CONTROLLER", advertised.host, advertised.port}}}};
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
