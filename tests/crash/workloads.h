// The workloads that the crash campaign and the failure loops run: each is a few dozen operations
// that between them meet every phase of the log.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "tests/crash/driver.h"

namespace stele::crash {

struct Workload {
  std::string name;
  log::StoreOptions options;
  /// Runs once, undisturbed: what it leaves is where every run begins. Null: with no store at all.
  std::function<void(Driver&)> prepare;
  std::function<void(Driver&)> run;
};

[[nodiscard]] std::span<const Workload> workloads();

}  // namespace stele::crash
