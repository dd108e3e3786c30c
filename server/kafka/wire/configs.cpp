#include "server/kafka/wire/configs.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeConfigsRequest);
STELE_KAFKA_INSTANTIATE(DescribeConfigsResponse);

}  // namespace stele::kafka
