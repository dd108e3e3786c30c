#include "server/kafka/wire/fetch.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(FetchRequest);
STELE_KAFKA_INSTANTIATE(FetchResponse);

}  // namespace stele::kafka
