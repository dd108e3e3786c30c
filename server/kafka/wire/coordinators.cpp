#include "server/kafka/wire/coordinators.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(FindCoordinatorRequest);
STELE_KAFKA_INSTANTIATE(FindCoordinatorResponse);

}  // namespace stele::kafka
