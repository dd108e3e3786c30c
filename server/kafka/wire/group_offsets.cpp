#include "server/kafka/wire/group_offsets.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(OffsetCommitRequest);
STELE_KAFKA_INSTANTIATE(OffsetCommitResponse);
STELE_KAFKA_INSTANTIATE(OffsetFetchRequest);
STELE_KAFKA_INSTANTIATE(OffsetFetchResponse);
STELE_KAFKA_INSTANTIATE(OffsetDeleteRequest);
STELE_KAFKA_INSTANTIATE(OffsetDeleteResponse);

}  // namespace stele::kafka
