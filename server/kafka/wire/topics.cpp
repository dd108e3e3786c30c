#include "server/kafka/wire/topics.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(CreateTopicsRequest);
STELE_KAFKA_INSTANTIATE(CreateTopicsResponse);
STELE_KAFKA_INSTANTIATE(DeleteTopicsRequest);
STELE_KAFKA_INSTANTIATE(DeleteTopicsResponse);

}  // namespace stele::kafka
