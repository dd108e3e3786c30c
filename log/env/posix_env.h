// PosixEnv: files through pread and pwrite, durable writes through io_uring, a thread, or inline.
#pragma once

#include <functional>
#include <memory>

#include "log/env/env.h"

namespace stele {

/// How write_durably() reaches the disk.
enum class FlushEngine : std::uint8_t {
  kInline,    ///< by the caller, inside write_durably(); fastest for one blocking caller (embedded
              ///< default)
  kAdaptive,  ///< small writes by the caller while the disk is quick (FlushPace), the rest through
              ///< io_uring; the service's default
  kUring,     ///< io_uring; falls back to kThread where the kernel refuses, and reports it
  kThread,    ///< one helper thread
};

struct PosixEnvOptions {
  FlushEngine flush = FlushEngine::kInline;
  bool direct = true;  ///< false: never O_DIRECT
  /// Where report() goes, from any thread; empty: warnings and errors to stderr.
  std::function<void(Severity, std::string_view)> reporter;
};

/// offload() and offload_background() use a helper thread each, started at its first use.
/// Destroying the env joins them.
/// kOverloaded: no file descriptor is left for its event.
[[nodiscard]] Result<std::unique_ptr<Env>> make_posix_env(PosixEnvOptions options = {});

}  // namespace stele
