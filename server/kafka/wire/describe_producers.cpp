#include "server/kafka/wire/describe_producers.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeProducersRequest);
STELE_KAFKA_INSTANTIATE(DescribeProducersResponse);

}  // namespace stele::kafka
