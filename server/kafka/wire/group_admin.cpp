#include "server/kafka/wire/group_admin.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeGroupsRequest);
STELE_KAFKA_INSTANTIATE(DescribeGroupsResponse);
STELE_KAFKA_INSTANTIATE(ListGroupsRequest);
STELE_KAFKA_INSTANTIATE(ListGroupsResponse);
STELE_KAFKA_INSTANTIATE(DeleteGroupsRequest);
STELE_KAFKA_INSTANTIATE(DeleteGroupsResponse);

}  // namespace stele::kafka
