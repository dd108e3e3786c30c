// The file that golden() compares with. Thread: any.
#pragma once

#include <string>

#include "log/base/error.h"

namespace stele::projections {

/// Its text. A file that is not there is written with `first`, and kNotFound says so: look at it,
/// keep it, run again. kIo.
[[nodiscard]] Result<std::string> golden_file(const std::string& path, const std::string& first);

}  // namespace stele::projections
