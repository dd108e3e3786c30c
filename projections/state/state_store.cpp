#include "projections/state/state_store.h"

#include "log/base/checksum.h"

namespace stele::projections {

Key::Key(ByteView key) : bytes(key), hash(checksum(key, 0)) {}

}  // namespace stele::projections
