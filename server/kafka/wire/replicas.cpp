#include "server/kafka/wire/replicas.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(ElectLeadersRequest);
STELE_KAFKA_INSTANTIATE(ElectLeadersResponse);
STELE_KAFKA_INSTANTIATE(AlterPartitionReassignmentsRequest);
STELE_KAFKA_INSTANTIATE(AlterPartitionReassignmentsResponse);
STELE_KAFKA_INSTANTIATE(ListPartitionReassignmentsRequest);
STELE_KAFKA_INSTANTIATE(ListPartitionReassignmentsResponse);

}  // namespace stele::kafka
