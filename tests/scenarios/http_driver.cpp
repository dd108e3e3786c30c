// HTTP, by Boost.Beast; JSON is read with simdjson.
#include "log/base/fail.h"
#include "tests/scenarios/driver.h"
#include "tests/scenarios/http_client.h"
#include "tests/scenarios/steled_process.h"

namespace stele::scenarios {
namespace {

Result<Pushed> pushed_of(const FollowedMessage& message) {
  if (message.kind == "error") {
    return fail(Code::kClosed, "{}", message.event);
  }
  Pushed pushed;
  pushed.token = message.token;
  pushed.caught_up = message.kind == "caught-up";
  if (message.kind != "message") return pushed;
  STELE_TRY(log::RecordedEvent event, event_of_json(message.event));
  pushed.events.push_back(std::move(event));
  return pushed;
}

/// Server-sent events.
class LinesSubscription final : public Subscription {
public:
  explicit LinesSubscription(std::unique_ptr<HttpLines> lines) : lines_(std::move(lines)) {}

  Result<Pushed> next(std::chrono::milliseconds longest) override {
    FollowedMessage message;
    while (true) {
      STELE_TRY(const std::string line, lines_->next(longest));
      if (line.starts_with("id: ")) message.token = line.substr(4);
      if (line.starts_with("event: ")) message.kind = line.substr(7);
      if (line.starts_with("data: ")) message.event = line.substr(6);
      if (line.empty() && !message.kind.empty()) return pushed_of(message);
    }
  }

private:
  std::unique_ptr<HttpLines> lines_;
};

class MessagesSubscription final : public Subscription {
public:
  explicit MessagesSubscription(std::unique_ptr<HttpMessages> messages)
      : messages_(std::move(messages)) {}

  Result<Pushed> next(std::chrono::milliseconds longest) override {
    STELE_TRY(const std::string text, messages_->next(longest));
    STELE_TRY(const FollowedMessage message, message_of_json(text));
    return pushed_of(message);
  }

private:
  std::unique_ptr<HttpMessages> messages_;
};

class HttpDriver final : public Driver {
public:
  explicit HttpDriver(bool web_sockets) : web_sockets_(web_sockets) { connect(); }

  Result<void> create_topic(const std::string& name, std::int32_t partition_count) override {
    STELE_TRY(const HttpAnswer answer, client_->ask(http_create_topic(name, partition_count)));
    return done_of(answer);
  }
  log::EventAppendResult append(log::EventAppend append) override {
    const auto answer = client_->ask(http_append(append));
    if (!answer) return std::unexpected(log::AppendRefusal{answer.error()});
    return appended_of(*answer);
  }
  Result<log::ReadPage> read(const log::ReadRequest& request) override {
    STELE_TRY(const HttpRequest asked, http_read(request, false));
    STELE_TRY(const HttpAnswer answer, client_->ask(asked));
    return page_of(answer);
  }
  Result<std::unique_ptr<Subscription>> subscribe(const log::ReadRequest& request) override {
    STELE_TRY(const HttpRequest asked, http_read(request, true));
    if (!web_sockets_) {
      STELE_TRY(auto lines, HttpLines::open(steled_.http_port(), asked));
      return std::make_unique<LinesSubscription>(std::move(lines));
    }
    if (!asked.body.empty())
      return fail(Code::kUnsupported, "a WebSocket's request has no body for a query");
    STELE_TRY(auto messages, HttpMessages::open(steled_.http_port(), asked));
    return std::make_unique<MessagesSubscription>(std::move(messages));
  }
  Result<log::StreamInfo> stream(const log::StreamName& name) override {
    STELE_TRY(const HttpAnswer answer, client_->ask(http_limits(name)));
    return stream_of(answer);
  }
  Result<void> set_limits(const log::StreamName& name, const log::StreamRules& limits) override {
    STELE_TRY(const HttpAnswer answer, client_->ask(http_set_limits(name, limits)));
    return done_of(answer);
  }
  Result<void> tombstone(const log::StreamName& name,
                         const log::ExpectedVersion& expected) override {
    STELE_TRY(const HttpAnswer answer, client_->ask(http_tombstone(name, expected)));
    return done_of(answer);
  }
  Result<void> restart() override {
    client_.reset();
    steled_.restart();
    connect();
    return {};
  }

private:
  void connect() { client_ = std::make_unique<HttpClient>(steled_.http_port()); }

  SteledProcess steled_;
  bool web_sockets_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace

std::unique_ptr<Driver> http_driver() {
  return std::make_unique<HttpDriver>(false);
}

std::unique_ptr<Driver> web_socket_driver() {
  return std::make_unique<HttpDriver>(true);
}

}  // namespace stele::scenarios
