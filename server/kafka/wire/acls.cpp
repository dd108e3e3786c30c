#include "server/kafka/wire/acls.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeAclsRequest);
STELE_KAFKA_INSTANTIATE(DescribeAclsResponse);
STELE_KAFKA_INSTANTIATE(CreateAclsRequest);
STELE_KAFKA_INSTANTIATE(CreateAclsResponse);
STELE_KAFKA_INSTANTIATE(DeleteAclsRequest);
STELE_KAFKA_INSTANTIATE(DeleteAclsResponse);

}  // namespace stele::kafka
