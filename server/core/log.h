// Log lines to stderr: "2026-11-21T05:46:03.120Z info segment_rolled topic=orders partition=3 …".
// spdlog stays behind this header.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "log/base/error.h"
#include "log/env/env.h"

namespace stele::server {

/// Lines below `level` are dropped. kInvalid: not one of debug, info, warn, error.
Result<void> set_log_level(std::string_view level);

/// Subject first, then key=value; control characters are escaped. From any thread.
void log_line(Severity severity, std::string_view line);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(Severity::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(Severity::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(Severity::kError, fmt::format(format, std::forward<Args>(args)...));
}

/// Lets a repeated line through at most once each `period`, and counts what it held back.
class LogLimit {
public:
  explicit LogLimit(std::chrono::nanoseconds period = std::chrono::seconds(10)) : period_(period) {}

  /// True if the line may be written now; `suppressed` is then how many were not.
  bool allows(std::chrono::nanoseconds now, std::int64_t& suppressed);

private:
  std::chrono::nanoseconds period_;
  std::chrono::nanoseconds next_{0};
  std::int64_t suppressed_ = 0;
};

}  // namespace stele::server
