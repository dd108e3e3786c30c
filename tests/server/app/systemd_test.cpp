// What the service manager hears, on a socket that stands in for it.
#include "server/app/systemd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

namespace stele::app {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSelf = 4711;

/// The manager's end of the notification socket. A leading '@' makes it an abstract one.
class Manager {
public:
  explicit Manager(std::string path)
      : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (is_abstract()) {
      address.sun_path[0] = '\0';
    } else {
      ::unlink(path_.c_str());
    }
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() +
                                              (is_abstract() ? 0 : 1));
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0);
  }
  ~Manager() {
    if (!is_abstract()) ::unlink(path_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  [[nodiscard]] Systemd notifier(std::vector<std::string> more = {}) const {
    more.push_back("NOTIFY_SOCKET=" + path_);
    return with_variables(more);
  }
  static Systemd with_variables(const std::vector<std::string>& variables) {
    std::vector<const char*> pointers;
    for (const std::string& entry : variables) pointers.push_back(entry.c_str());
    pointers.push_back(nullptr);
    return Systemd(pointers.data(), kSelf);
  }
  /// The next message; waits for it.
  [[nodiscard]] std::string hear() const {
    std::array<char, 4096> text{};
    const auto got = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
  [[nodiscard]] bool has_heard_all() const {
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }

private:
  [[nodiscard]] bool is_abstract() const { return path_.front() == '@'; }

  std::string path_;
  server::Descriptor socket_;
};

std::string socket_path() {
  return ::testing::TempDir() + "stele_notify_test.socket";
}

TEST(Systemd, EachMessageIsOneDatagramInItsWords) {
  const Manager manager(socket_path());
  const Systemd systemd = manager.notifier();
  ASSERT_TRUE(systemd.listens());
  systemd.status("recovering");
  systemd.extend(30s, "recovering, 5 s so far");
  systemd.ready("serving");
  systemd.ping();
  systemd.stopping("SIGTERM");
  EXPECT_EQ(manager.hear(), "STATUS=recovering");
  EXPECT_EQ(manager.hear(),
            "EXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1\nSTATUS=recovering, 5 s so far");
  EXPECT_EQ(manager.hear(), "READY=1\nSTATUS=serving");
  EXPECT_EQ(manager.hear(), "WATCHDOG=1");
  EXPECT_EQ(manager.hear(), "STOPPING=1\nSTATUS=SIGTERM");
  EXPECT_TRUE(manager.has_heard_all());
}

TEST(Systemd, AnAbstractSocketIsReached) {
  const Manager manager("@stele/notify-test/" + std::to_string(::getpid()));
  manager.notifier().ready("serving");
  EXPECT_EQ(manager.hear(), "READY=1\nSTATUS=serving");
}

TEST(Systemd, AStatusCannotSmuggleInAnotherAssignment) {
  const Manager manager(socket_path());
  manager.notifier().status("disk failed\nREADY=1");
  EXPECT_EQ(manager.hear(), "STATUS=disk failed READY=1");
}

TEST(Systemd, WithoutASocketNothingIsSentAndNothingFails) {
  for (const std::vector<std::string>& variables : {std::vector<std::string>{},
                                                    {"NOTIFY_SOCKET="},
                                                    {"NOTIFY_SOCKET=relative/path"},
                                                    {"NOTIFY_SOCKET=/"},
                                                    {"NOTIFY_SOCKET=/" + std::string(200, 'x')},
                                                    {"NOTIFY_SOCKETS=/a"}}) {
    const Systemd systemd = Manager::with_variables(variables);
    EXPECT_FALSE(systemd.listens());
    systemd.ready("serving");
    const LongStep step(systemd, "recovering");
  }
  // Named, but nobody is there any more.
  Manager::with_variables({"NOTIFY_SOCKET=" + socket_path()}).ready("serving");
}

TEST(Systemd, TheWatchdogIsForTheProcessThatItNames) {
  struct Case {
    std::vector<std::string> variables;
    std::chrono::microseconds period;
  };
  const Manager manager(socket_path());
  for (const Case& c : {Case{{}, 0us}, Case{{"WATCHDOG_USEC=60000000"}, 60s},
                        Case{{"WATCHDOG_USEC=60000000", "WATCHDOG_PID=4711"}, 60s},
                        Case{{"WATCHDOG_USEC=60000000", "WATCHDOG_PID=1"}, 0us},
                        Case{{"WATCHDOG_USEC=soon"}, 0us}, Case{{"WATCHDOG_USEC=-5"}, 0us}}) {
    EXPECT_EQ(manager.notifier(c.variables).watchdog_period(), c.period);
  }
}

TEST(LongStep, AsksForTimeWhileTheProcessGetsOn) {
  const Manager manager(socket_path());
  const Systemd systemd = manager.notifier();
  std::atomic<std::int64_t> progress = 0;
  {
    const LongStep step(systemd, "recovering", 1ms, [&] { return progress++; });
    EXPECT_EQ(manager.hear(), "STATUS=recovering");
    EXPECT_EQ(manager.hear(),
              "EXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1\nSTATUS=recovering, 0 s so far");
    EXPECT_TRUE(manager.hear().starts_with("EXTEND_TIMEOUT_USEC="));
  }
  const std::int64_t looks = progress;
  while (!manager.has_heard_all()) EXPECT_TRUE(manager.hear().starts_with("EXTEND_TIMEOUT_USEC="));
  EXPECT_EQ(progress, looks) << "somebody still looks";
}

TEST(LongStep, AStepThatHangsIsLeftToTheTimeout) {
  const Manager manager(socket_path());
  const Systemd systemd = manager.notifier();
  std::atomic<int> looks = 0;
  {
    const LongStep step(systemd, "recovering", 1ms, [&] {
      ++looks;
      looks.notify_all();
      return 7;
    });
    for (int seen = looks; seen < 4; seen = looks) looks.wait(seen);
  }
  EXPECT_EQ(manager.hear(), "STATUS=recovering");
  EXPECT_TRUE(manager.has_heard_all());
}

TEST(LongStep, WorkIsProgress) {
  const std::int64_t before = process_progress();
  while (process_progress() == before) {
  }
  EXPECT_GT(process_progress(), before);
}

}  // namespace
}  // namespace stele::app
