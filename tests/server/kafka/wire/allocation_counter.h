// Counts what the program allocates: this test binary's operator new is replaced in
// allocation_counter.cpp.
#pragma once

#include <cstddef>

namespace stele::kafka {

/// Bytes allocated by this thread so far, freed ones included.
[[nodiscard]] std::size_t allocated_bytes();

}  // namespace stele::kafka
