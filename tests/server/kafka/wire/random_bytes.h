// Random messages as bytes, instantiated once for all tests.
#pragma once

#include <cstdint>
#include <string_view>

#include "log/base/bytes.h"
#include "tests/server/kafka/wire/random_message.h"

namespace stele::kafka {

/// A random message of this name and version, as our writer writes it. Aborts if the writer refuses
/// it.
[[nodiscard]] Bytes random_bytes(RandomMessages& random, std::string_view message,
                                 std::int16_t version);

}  // namespace stele::kafka
