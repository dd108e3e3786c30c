#include "server/kafka/wire/offsets.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(ListOffsetsRequest);
STELE_KAFKA_INSTANTIATE(ListOffsetsResponse);
STELE_KAFKA_INSTANTIATE(OffsetForLeaderEpochRequest);
STELE_KAFKA_INSTANTIATE(OffsetForLeaderEpochResponse);

}  // namespace stele::kafka
