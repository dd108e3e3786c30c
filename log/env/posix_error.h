// errno as our Error: the code a caller can react to, and a detail that names operation and path.
#pragma once

#include <string_view>

#include "log/base/error.h"

namespace stele {

/// kNotFound, kAlreadyExists, kNoSpace (ENOSPC, EDQUOT), kOverloaded (no file descriptors left),
/// kInvalid (EINVAL: a misaligned direct access), kTooLarge (EFBIG), else kIo.
[[nodiscard]] std::unexpected<Error> posix_error(int number, std::string_view operation,
                                                 std::string_view path);

}  // namespace stele
