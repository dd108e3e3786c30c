#include "server/kafka/wire/cluster.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(MetadataRequest);
STELE_KAFKA_INSTANTIATE(MetadataResponse);
STELE_KAFKA_INSTANTIATE(DescribeClusterRequest);
STELE_KAFKA_INSTANTIATE(DescribeClusterResponse);

}  // namespace stele::kafka
