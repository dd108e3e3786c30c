// The one table that turns a Code into Kafka's error code.
#pragma once

#include <cstdint>

#include "log/base/error.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

/// Which request the answer is for: a code can mean another thing there.
enum class AnswerTo : std::uint8_t { kProduce, kFetch, kAdmin };

/// Never kUnknownServerError: Java producers take that as fatal.
[[nodiscard]] ErrorCode error_code(Code code, AnswerTo request);

}  // namespace stele::kafka
