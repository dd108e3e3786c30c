#include "server/kafka/wire/log_dirs.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(DescribeLogDirsRequest);
STELE_KAFKA_INSTANTIATE(DescribeLogDirsResponse);

}  // namespace stele::kafka
