#include "server/kafka/wire/produce.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(ProduceRequest);
STELE_KAFKA_INSTANTIATE(ProduceResponse);

}  // namespace stele::kafka
