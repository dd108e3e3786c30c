// steled: opens the store and serves it.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>

#include "log/base/fail.h"
#include "log/env/posix_env.h"
#include "server/app/server.h"
#include "server/app/systemd.h"
#include "server/core/log.h"

namespace stele::app {
namespace {

int complain(const Error& error, int exit_code) {
  std::fprintf(stderr, "steled: %s\n", error.detail.c_str());
  return exit_code;
}

/// Every segment and connection takes a descriptor: raises the limit as far as it goes, and tells
/// it.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}

/// Half of the descriptors at most are for clients, a quarter for segments kept open. However many
/// connect, the store can open the file that it needs: without one it has to stop.
ParsedSettings share_descriptors(ParsedSettings parsed, std::size_t descriptors) {
  const auto half = static_cast<std::int64_t>(descriptors / 2);
  parsed.settings.connections_max = std::min(parsed.settings.connections_max, half);
  return parsed;
}

Result<std::unique_ptr<Env>> open_env(const Settings& settings) {
  PosixEnvOptions options;
  options.flush = settings.flush == "adaptive" ? FlushEngine::kAdaptive
                  : settings.flush == "uring"  ? FlushEngine::kUring
                                               : FlushEngine::kThread;
  options.direct = settings.direct;
  options.reporter = [](Severity severity, std::string_view line) {
    server::log_line(severity, line);
  };
  return make_posix_env(std::move(options));
}

log::StoreOptions store_options(const Settings& settings, std::size_t descriptors) {
  log::StoreOptions options;
  options.journal_bytes_max = static_cast<std::uint64_t>(settings.journal_bytes_max);
  options.journal_bytes_min = std::min(options.journal_bytes_max, std::uint64_t{32} << 20);
  options.open_file_count_max =
      std::min(options.open_file_count_max, static_cast<std::int32_t>(descriptors / 4));
  options.queued_bytes_max = static_cast<std::uint64_t>(settings.queued_bytes_max);
  options.compaction_memory_bytes_max =
      static_cast<std::uint64_t>(settings.compaction_memory_bytes);
  options.compaction_bytes_per_second_max =
      static_cast<std::uint64_t>(settings.compaction_bytes_per_second_max);
  options.compaction_interval = std::chrono::milliseconds(settings.compaction_interval_ms);
  return options;
}

int serve(const ParsedSettings& wanted) {
  const std::size_t descriptors = raise_descriptor_limit();
  const ParsedSettings parsed = share_descriptors(wanted, descriptors);
  const Systemd systemd(environ, ::getpid());
  std::optional<LongStep> recovery(std::in_place, systemd, "recovering");
  const auto opened_env = open_env(parsed.settings);
  if (!opened_env) return complain(opened_env.error(), kExitCannotStart);
  Env& env = **opened_env;
  const auto begin = env.now();
  auto store =
      log::Store::open(parsed.settings.data, env, store_options(parsed.settings, descriptors));
  if (!store) return complain(store.error(), kExitCannotStart);
  int exit_code = kExitCannotStart;
  {
    Server server(parsed, env, **store, systemd);
    const auto listening = server.listen();
    recovery.reset();
    if (!listening) {
      const bool usage = listening.error().code == Code::kInvalid;
      exit_code = complain(listening.error(), usage ? kExitUsage : kExitCannotStart);
    } else {
      std::fputs(server.ready_text(env.now() - begin).c_str(), stdout);
      std::fflush(stdout);
      if (parsed.settings.insecure) server::log_warn("insecure clients_are_not_authenticated");
      systemd.ready("serving");
      exit_code = server.run();
    }
  }
  const LongStep checkpoint(systemd, "writing the last checkpoint");
  if (const auto closed = (*store)->close(); !closed && exit_code == kExitStopped) {
    return complain(closed.error(), kExitDiskFailed);
  }
  if (exit_code == kExitStopped) server::log_info("stopped data={}", parsed.settings.data);
  return exit_code;
}

int run(std::span<const char* const> arguments) {
  auto parsed = parse_settings(arguments, environ);
  if (!parsed) return complain(parsed.error(), kExitUsage);
  switch (parsed->action) {
    case ParsedSettings::Action::kHelp:
      std::fputs(help_text().c_str(), stdout);
      return 0;
    case ParsedSettings::Action::kVersion:
      std::puts("steled " STELE_VERSION);
      return 0;
    case ParsedSettings::Action::kPrintConfig:
      std::fputs(config_text(parsed->in_force).c_str(), stdout);
      return 0;
    case ParsedSettings::Action::kRun:
      break;
  }
  if (const auto set = server::set_log_level(parsed->settings.log_level); !set) {
    return complain(set.error(), kExitUsage);
  }
  return serve(*parsed);
}

}  // namespace
}  // namespace stele::app

int main(int argc, char** argv) {
  try {
    const std::span<const char* const> all(argv, static_cast<std::size_t>(argc));
    return stele::app::run(all.subspan(1));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "steled: %s\n", error.what());
    return stele::app::kExitCannotStart;
  }
}
