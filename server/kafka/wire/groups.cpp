#include "server/kafka/wire/groups.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(JoinGroupRequest);
STELE_KAFKA_INSTANTIATE(JoinGroupResponse);
STELE_KAFKA_INSTANTIATE(SyncGroupRequest);
STELE_KAFKA_INSTANTIATE(SyncGroupResponse);
STELE_KAFKA_INSTANTIATE(HeartbeatRequest);
STELE_KAFKA_INSTANTIATE(HeartbeatResponse);
STELE_KAFKA_INSTANTIATE(LeaveGroupRequest);
STELE_KAFKA_INSTANTIATE(LeaveGroupResponse);

}  // namespace stele::kafka
