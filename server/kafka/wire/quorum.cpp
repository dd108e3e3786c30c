#include "server/kafka/wire/quorum.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeQuorumRequest);
STELE_KAFKA_INSTANTIATE(DescribeQuorumResponse);

}  // namespace stele::kafka
