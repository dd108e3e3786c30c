#include "server/kafka/wire/partitions.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(CreatePartitionsRequest);
STELE_KAFKA_INSTANTIATE(CreatePartitionsResponse);
STELE_KAFKA_INSTANTIATE(DeleteRecordsRequest);
STELE_KAFKA_INSTANTIATE(DeleteRecordsResponse);
STELE_KAFKA_INSTANTIATE(DescribeTopicPartitionsRequest);
STELE_KAFKA_INSTANTIATE(DescribeTopicPartitionsResponse);

}  // namespace stele::kafka
