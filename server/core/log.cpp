#include "server/core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "log/base/fail.h"

namespace stele::server {

namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("steled",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *instance;
}

bool is_clean(std::string_view line) {
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

std::string escape(std::string_view line) {
  std::string clean;
  for (const char c : line) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      clean += fmt::format("\\x{:02x}", code);
    } else {
      clean += c;
    }
  }
  return clean;
}

}  // namespace

Result<void> set_log_level(std::string_view level) {
  if (level == "debug") {
    logger().set_level(spdlog::level::debug);
  } else if (level == "info") {
    logger().set_level(spdlog::level::info);
  } else if (level == "warn") {
    logger().set_level(spdlog::level::warn);
  } else if (level == "error") {
    logger().set_level(spdlog::level::err);
  } else {
    return fail(Code::kInvalid, "log level {} is not one of debug, info, warn, error", level);
  }
  return {};
}

void log_line(Severity severity, std::string_view line) {
  const auto level = severity == Severity::kError  ? spdlog::level::err
                     : severity == Severity::kWarn ? spdlog::level::warn
                                                   : spdlog::level::info;
  if (is_clean(line)) {
    logger().log(level, line);
  } else {
    logger().log(level, escape(line));
  }
}

bool LogLimit::allows(std::chrono::nanoseconds now, std::int64_t& suppressed) {
  if (now < next_) {
    ++suppressed_;
    return false;
  }
  next_ = now + period_;
  suppressed = std::exchange(suppressed_, 0);
  return true;
}

}  // namespace stele::server
