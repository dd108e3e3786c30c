#include "server/kafka/wire/client_quotas.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeClientQuotasRequest);
STELE_KAFKA_INSTANTIATE(DescribeClientQuotasResponse);
STELE_KAFKA_INSTANTIATE(AlterClientQuotasRequest);
STELE_KAFKA_INSTANTIATE(AlterClientQuotasResponse);

}  // namespace stele::kafka
