// Every message that the codec knows, for tests that hold for each of them in each of its versions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/kafka/wire/acls.h"
#include "server/kafka/wire/alter_configs.h"
#include "server/kafka/wire/api_versions.h"
#include "server/kafka/wire/client_quotas.h"
#include "server/kafka/wire/cluster.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/configs.h"
#include "server/kafka/wire/consumer_groups.h"
#include "server/kafka/wire/coordinators.h"
#include "server/kafka/wire/describe_producers.h"
#include "server/kafka/wire/fetch.h"
#include "server/kafka/wire/group_admin.h"
#include "server/kafka/wire/group_offsets.h"
#include "server/kafka/wire/groups.h"
#include "server/kafka/wire/log_dirs.h"
#include "server/kafka/wire/offsets.h"
#include "server/kafka/wire/partitions.h"
#include "server/kafka/wire/produce.h"
#include "server/kafka/wire/producers.h"
#include "server/kafka/wire/quorum.h"
#include "server/kafka/wire/replicas.h"
#include "server/kafka/wire/topics.h"

namespace stele::kafka {

template <class... Ms>
struct MessageList {
  /// Calls visit.template operator()<M>() for each.
  template <class F>
  static void each(F&& visit) {
    (visit.template operator()<Ms>(), ...);
  }
  static constexpr std::size_t kCount = sizeof...(Ms);
};

using EveryApiMessage = MessageList<
    ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, JoinGroupRequest, JoinGroupResponse, HeartbeatRequest,
    HeartbeatResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
    DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse,
    InitProducerIdRequest, InitProducerIdResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, DescribeAclsRequest, DescribeAclsResponse, CreateAclsRequest,
    CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, AlterConfigsRequest, AlterConfigsResponse, DescribeLogDirsRequest,
    DescribeLogDirsResponse, CreatePartitionsRequest, CreatePartitionsResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, ElectLeadersRequest, ElectLeadersResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    DescribeClientQuotasRequest, DescribeClientQuotasResponse, AlterClientQuotasRequest,
    AlterClientQuotasResponse, DescribeQuorumRequest, DescribeQuorumResponse,
    DescribeClusterRequest, DescribeClusterResponse, DescribeProducersRequest,
    DescribeProducersResponse, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ListConfigResourcesRequest,
    ListConfigResourcesResponse, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>;
static_assert(EveryApiMessage::kCount == 2 * kApis.size());

/// The messages of the APIs, and the two headers.
template <class F>
void for_each_message(F&& visit) {
  EveryApiMessage::each(visit);
  visit.template operator()<RequestHeader>();
  visit.template operator()<ResponseHeader>();
}

/// Calls visit.template operator()<M>(version) for each message in each of its versions.
template <class F>
void for_each_message_version(F&& visit) {
  for_each_message([&]<class M> {
    for (std::int16_t v = M::kMessage.versions.first; v <= M::kMessage.versions.last; ++v) {
      visit.template operator()<M>(v);
    }
  });
}

}  // namespace stele::kafka
