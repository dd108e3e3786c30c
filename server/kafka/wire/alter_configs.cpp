#include "server/kafka/wire/alter_configs.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(AlterConfigsRequest);
STELE_KAFKA_INSTANTIATE(AlterConfigsResponse);
STELE_KAFKA_INSTANTIATE(IncrementalAlterConfigsRequest);
STELE_KAFKA_INSTANTIATE(IncrementalAlterConfigsResponse);
STELE_KAFKA_INSTANTIATE(ListConfigResourcesRequest);
STELE_KAFKA_INSTANTIATE(ListConfigResourcesResponse);

}  // namespace stele::kafka
