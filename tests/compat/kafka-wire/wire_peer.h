// The parts of wire_peer that have files of their own: they instantiate much.
#pragma once

#include <cstdint>

namespace stele::kafka {

/// Prints `count` random messages of every message in every version.
void emit_messages(std::uint64_t seed, int count);

/// Prints every field of every message: place, versions, nullable versions, tag, default.
void print_schema();

}  // namespace stele::kafka
