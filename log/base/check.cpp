#include "log/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace stele {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "stele: invariant broken: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace stele
