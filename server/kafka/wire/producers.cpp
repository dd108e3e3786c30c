#include "server/kafka/wire/producers.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(InitProducerIdRequest);
STELE_KAFKA_INSTANTIATE(InitProducerIdResponse);

}  // namespace stele::kafka
