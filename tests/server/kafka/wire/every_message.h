// Every message that the codec knows, for tests that hold for each of them in each of its versions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/kafka/wire/api_versions.h"
#include "server/kafka/wire/cluster.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/configs.h"
#include "server/kafka/wire/coordinators.h"
#include "server/kafka/wire/fetch.h"
#include "server/kafka/wire/offsets.h"
#include "server/kafka/wire/produce.h"
#include "server/kafka/wire/producers.h"
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

using EveryApiMessage =
    MessageList<ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
                ListOffsetsResponse, MetadataRequest, MetadataResponse, FindCoordinatorRequest,
                FindCoordinatorResponse, ApiVersionsRequest, ApiVersionsResponse,
                CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
                DeleteTopicsResponse, InitProducerIdRequest, InitProducerIdResponse,
                OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, DescribeConfigsRequest,
                DescribeConfigsResponse, DescribeClusterRequest, DescribeClusterResponse>;
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
