// A listener of the test's and clients in its hands: sockets without a network, a clock that stands
// still unless it is moved.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/http_server.h"
#include "tests/support/sim_env.h"

namespace stele::http::test {

using namespace std::chrono_literals;

/// One end of a connection.
class Client {
public:
  explicit Client(server::Descriptor socket) : socket_(std::move(socket)) {}

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// As much as the socket takes; how much that was.
  std::size_t offer(std::string_view bytes) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  }
  /// What has arrived; "" and ended() once the service has closed its side.
  std::string receive(std::size_t bytes_max = 1 << 16) {
    std::string all(bytes_max, '\0');
    const ssize_t got = ::recv(socket_.get(), all.data(), all.size(), MSG_DONTWAIT);
    ended_ = ended_ || got == 0;
    all.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return all;
  }
  /// The service has closed its side.
  bool ended() {
    (void)receive();
    return ended_;
  }
  void half_close() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.close(); }

private:
  server::Descriptor socket_;
  bool ended_ = false;
};

class ListenerFixture : public ::testing::Test {
protected:
  void serve(RequestHandler& handler, Limits limits = {}) {
    server = std::make_unique<HttpServer>(loop, env, limits, handler, [this] { return progress; });
    loop.add_hook([this] { return server->end_turn(); });
  }
  Client connect() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    server->accept({server::Descriptor(ends[1]), {}, {}, {}});
    return Client(server::Descriptor(ends[0]));
  }
  void turns(int count = 5) {
    for (int i = 0; i < count; ++i) loop.turn(0ns);
  }
  std::string ask(Client& client, std::string_view bytes) {
    client.send(bytes);
    turns();
    return client.receive();
  }
  /// Moves the clock in steps, as a real one would.
  void pass(std::chrono::seconds time) {
    for (auto gone = 0s; gone < time; gone += 1s) {
      env.advance(1s);
      turns(2);
    }
  }

  SimEnv env;
  server::EventLoop loop{env};
  std::int64_t progress = 0;
  std::unique_ptr<HttpServer> server;
};

inline std::string body_of(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(answer.substr(end + 4));
}
inline std::string status_of(std::string_view answer) {
  return std::string(answer.substr(0, answer.find("\r\n")));
}

}  // namespace stele::http::test
