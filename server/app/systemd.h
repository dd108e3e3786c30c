// What steled tells the service manager that started it: systemd's notification protocol,
// sd_notify(3), one datagram a message to the socket that NOTIFY_SOCKET names.
//
//   STATUS=recovering ─► … EXTEND_TIMEOUT_USEC … ─► READY=1 ─► WATCHDOG=1, again and again
//                                                     ─► STOPPING=1 ─► … EXTEND_TIMEOUT_USEC … ─►
//                                                     end
//
// Without that variable nothing is sent. A message that cannot be sent is dropped: the service
// never fails for it.
// Thread: any; constant after construction.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "server/core/descriptor.h"

namespace stele::app {

class Systemd {
public:
  /// Nobody listens.
  Systemd() = default;
  /// `variables` is the process environment: NOTIFY_SOCKET, WATCHDOG_USEC, and WATCHDOG_PID, which
  /// says whom the watchdog is for if it is there. A wrong value counts as none.
  Systemd(const char* const* variables, std::int64_t process_id);

  [[nodiscard]] bool listens() const { return socket_.is_open(); }
  /// The manager kills the service when it hears no ping for so long; 0: it does not wait for any.
  [[nodiscard]] std::chrono::microseconds watchdog_period() const { return watchdog_period_; }

  void ready(std::string_view status) const;
  void stopping(std::string_view status) const;
  void status(std::string_view status) const;
  void ping() const;
  /// Starting or stopping takes at least `more` from now on; pings too.
  void extend(std::chrono::microseconds more, std::string_view status) const;

private:
  /// Does not wait unless `flags` say so: a manager that is behind gets the next message.
  void send(std::string_view message, int flags = MSG_DONTWAIT) const;

  server::Descriptor socket_;
  sockaddr_un address_{};
  socklen_t address_bytes_ = 0;
  std::chrono::microseconds watchdog_period_{0};
};

/// A step that blocks the thread which would answer otherwise: recovery, the last checkpoint. Tells
/// its name at once, and until it is destroyed asks for more time whenever the process has got on
/// since the last time. A step that hangs is left to the manager's timeout.
class LongStep {
public:
  /// A number that grows while the process works.
  using Progress = std::function<std::int64_t()>;

  /// `systemd` outlives the step.
  LongStep(const Systemd& systemd, std::string name);
  LongStep(const Systemd& systemd, std::string name, std::chrono::milliseconds period,
           Progress progress);
  ~LongStep();
  LongStep(const LongStep&) = delete;
  LongStep& operator=(const LongStep&) = delete;

private:
  void watch(std::chrono::milliseconds period, const Progress& progress) const;

  const Systemd& systemd_;
  std::string name_;
  server::Descriptor end_;  ///< readable once the step is over
  std::jthread watcher_;
};

/// In units of 10 ms of processor time or 10 blocks of input and output, so that merely looking
/// does not count.
[[nodiscard]] std::int64_t process_progress();

}  // namespace stele::app
