// fail(Code, "format {}", …): how every error is made. Apart from error.h, so that public headers
// do not need fmt.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "log/base/error.h"

namespace stele {

template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Code code, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// The same error with a place put in front of its detail.
[[nodiscard]] inline std::unexpected<Error> at(std::string_view place, Error error) {
  error.detail = fmt::format("{}: {}", place, error.detail);
  return std::unexpected(std::move(error));
}

}  // namespace stele
