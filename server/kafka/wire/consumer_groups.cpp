#include "server/kafka/wire/consumer_groups.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(ConsumerGroupHeartbeatRequest);
STELE_KAFKA_INSTANTIATE(ConsumerGroupHeartbeatResponse);
STELE_KAFKA_INSTANTIATE(ConsumerGroupDescribeRequest);
STELE_KAFKA_INSTANTIATE(ConsumerGroupDescribeResponse);

}  // namespace stele::kafka
