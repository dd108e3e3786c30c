// A Mark as bytes, little-endian:
//   event count u64 | greatest event time i64 | greatest recorded time i64 | extras: length u32,
//   bytes | checkpoint, as Checkpoint::encode()
// Thread: any; pure.
#pragma once

#include "projections/state/state_store.h"

namespace stele::projections {

/// Appends.
void encode_mark(const Mark& mark, Bytes& to);
/// Takes what it reads off `from`. kCorrupt.
[[nodiscard]] Result<Mark> decode_mark(ByteView& from);

}  // namespace stele::projections
