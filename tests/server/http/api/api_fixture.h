// The HTTP API over a store of its own on a simulated disk, and a client's words for it.
#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/cloudevents/decode.h"
#include "server/core/store_driver.h"
#include "server/http/api/api.h"
#include "server/http/request.h"
#include "tests/server/http/http_client.h"

namespace stele::http::test {

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (equals_ignoring_case(key, name)) return value;
    }
    return "";
  }
  /// The text at a JSON pointer of the body; "?" if there is none.
  [[nodiscard]] std::string at(std::string_view pointer) const {
    return cloudevents::find_text(body, pointer).value_or("?");
  }
};

/// What the chunks of a body that may still be going on say; `whole`: the last one is there.
inline std::string unchunked(std::string_view chunks, bool& whole) {
  std::string body;
  whole = false;
  while (true) {
    const std::size_t line = chunks.find("\r\n");
    std::size_t bytes = 0;
    if (line == std::string_view::npos) return body;
    std::from_chars(chunks.data(), chunks.data() + line, bytes, 16);
    if (chunks.size() < line + 2 + bytes + 2) return body;
    whole = bytes == 0;
    if (whole) return body;
    body += chunks.substr(line + 2, bytes);
    chunks.remove_prefix(line + 2 + bytes + 2);
  }
}

/// True if `bytes` hold an answer as a whole. One without a body is whole with its head.
inline bool parse_answer(std::string_view bytes, bool is_head, Answer& answer) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  answer = {};
  std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status);
  for (std::size_t at = bytes.find("\r\n") + 2; at < end + 2;) {
    const std::size_t stop = bytes.find("\r\n", at);
    const std::string_view line = bytes.substr(at, stop - at);
    const std::size_t colon = line.find(": ");
    answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    at = stop + 2;
  }
  const std::string_view rest = bytes.substr(end + 4);
  if (is_head || answer.status == 204 || answer.status == 304) return true;
  if (answer.header("transfer-encoding") == "chunked") {
    bool whole = false;
    answer.body = unchunked(rest, whole);
    return whole;
  }
  const std::string length = answer.header("content-length");
  std::size_t bytes_wanted = 0;
  std::from_chars(length.data(), length.data() + length.size(), bytes_wanted);
  answer.body = rest.substr(0, bytes_wanted);
  return rest.size() >= bytes_wanted;
}

inline constexpr std::string_view kCloudEvent = "Content-Type: application/cloudevents+json\r\n";
inline constexpr std::string_view kCloudEvents =
    "Content-Type: application/cloudevents-batch+json\r\n";
inline constexpr std::string_view kLines = "Content-Type: application/x-ndjson\r\n";
inline constexpr std::string_view kJsonBody = "Content-Type: application/json\r\n";
/// Binary mode: the body is the data.
inline constexpr std::string_view kBinary = "Content-Type: application/json\r\nce-type: T\r\n";

class ApiFixture : public ListenerFixture {
protected:
  ApiFixture() {
    auto opened = log::Store::open("/data", env,
                                   {.journal_bytes_min = 4 << 20,
                                    .journal_bytes_max = 8 << 20,
                                    .group_bytes_max = 1 << 20,
                                    .append_bytes_max = 1 << 20});
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    store = *std::move(opened);
    driver = std::make_unique<server::StoreDriver>(loop, env, *store);
    events = std::make_unique<log::EventStore>(*store);
  }
  ~ApiFixture() override { server.reset(); }

  void serve_api(ApiOptions options = {}) {
    options.is_reserved = [](std::string_view name) { return name.starts_with("__"); };
    api = std::make_unique<Api>(loop, *events, options,
                                Status{.metrics = [] { return std::string("up 1\n"); },
                                       .unhealthy_because = [this] { return unhealthy; },
                                       .ready = [this] { return is_ready; }});
    loop.add_hook([this] {
      if (std::exchange(progress, store->end().raw()) != store->end().raw()) api->wake_followers();
      return std::chrono::nanoseconds::max();
    });
    serve(*api, options.limits);
  }
  void SetUp() override { serve_api(); }

  static std::string request(std::string_view method, std::string_view target,
                             std::string_view body = "", std::string_view headers = "") {
    std::string text(method);
    text.append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\n").append(headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + std::string(body);
  }
  /// On a connection of its own.
  Answer call(std::string_view method, std::string_view target, std::string_view body = "",
              std::string_view headers = "") {
    Client client = connect();
    return ask(client, method, target, body, headers);
  }
  using ListenerFixture::ask;
  Answer ask(Client& client, std::string_view method, std::string_view target,
             std::string_view body = "", std::string_view headers = "") {
    const std::string text = request(method, target, body, headers);
    std::string_view left = text;
    std::string bytes;
    Answer answer;
    for (int i = 0; i < 2000; ++i) {
      left.remove_prefix(client.offer(left));
      turns(1);
      bytes += client.receive();
      if (parse_answer(bytes, method == "HEAD", answer)) return answer;
    }
    ADD_FAILURE() << "no whole answer to " << text.substr(0, 200) << ": " << bytes.substr(0, 500);
    return {};
  }
  Answer append(std::string_view stream, std::string_view headers = "",
                std::string_view body = R"({"n":1})") {
    return call("POST", "/v1/topics/orders/streams/" + std::string(stream), body,
                std::string(kBinary) + std::string(headers));
  }
  Answer get(std::string_view target, std::string_view headers = "") {
    return call("GET", target, "", headers);
  }
  /// Until nothing has come for a while.
  std::string receive_all(Client& client) {
    std::string all;
    for (int quiet = 0; quiet < 20; ++quiet) {
      turns(1);
      const std::string more = client.receive();
      if (!more.empty()) quiet = 0;
      all += more;
    }
    return all;
  }

  std::unique_ptr<log::Store> store;
  std::unique_ptr<server::StoreDriver> driver;
  std::unique_ptr<log::EventStore> events;
  std::unique_ptr<Api> api;
  std::string unhealthy;
  bool is_ready = true;
};

}  // namespace stele::http::test
