// Events to append, kept with a checkpoint: how the outbox writes them down. Little-endian,
// docs/formats.md ("An outbox").
//
// Reading never runs past the end, and gives back what was written. Thread: any.
#pragma once

#include <string_view>

#include "log/base/byte_stream.h"
#include "log/events/event.h"

namespace stele::projections {

/// A length u32 and the bytes.
void write_bytes(ByteWriter& to, ByteView bytes);
/// Empty if the reader is bad.
[[nodiscard]] std::string_view read_text(ByteReader& from);

void write_event(ByteWriter& to, const log::NewEvent& event);
/// What was read counts only if from.ok() afterwards.
[[nodiscard]] log::NewEvent read_event(ByteReader& from);

}  // namespace stele::projections
