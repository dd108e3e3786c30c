#include "tests/scenarios/steled_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <stdexcept>
#include <vector>

namespace stele::scenarios {
namespace {

// Everything that a start prints comes at once: what is there with the first line.
std::string first_text(int pipe) {
  std::string text;
  char buffer[4096];
  while (text.find('\n') == std::string::npos) {
    const auto count = ::read(pipe, buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

// Of "… http=127.0.0.1:40017 …"; 0 if it is not told.
std::uint16_t port_told(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text = text.substr(at, text.find(' ', at) - at);
  text.remove_prefix(text.rfind(':') + 1);
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

}  // namespace

SteledProcess::SteledProcess() {
  start();
}

SteledProcess::~SteledProcess() {
  kill();
}

void SteledProcess::start() {
  std::vector<std::string> words{STELE_STELED,
                                 "--data",
                                 folder_.path(),
                                 "--kafka-listen=127.0.0.1:0",
                                 "--http-listen=127.0.0.1:0",
                                 "--grpc-listen=127.0.0.1:0",
                                 "--auto-create-topics=false",
                                 "--log-level=error"};
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int failed =
      ::posix_spawn(&pid_, STELE_STELED, &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  const std::string said = failed == 0 ? first_text(ends[0]) : "";
  ::close(ends[0]);
  http_port_ = port_told(said, "http=");
  grpc_port_ = port_told(said, "grpc=");
  if (http_port_ == 0 || grpc_port_ == 0)
    throw std::runtime_error("steled does not start: " + said);
}

void SteledProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
}

void SteledProcess::restart() {
  kill();
  start();
}

}  // namespace stele::scenarios
