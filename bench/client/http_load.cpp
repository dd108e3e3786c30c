// http_load: loads the event store over HTTP/1.1 with keep-alive connections, on one thread with
// epoll. See load.h for the arguments. Modes:
//   append       one event to a stream with If-Match; IN_FLIGHT connections, one request on each
//   append-tag   POST /v1/events with a condition on one tag; likewise
//   pipelined    as append, but IN_FLIGHT requests under way on one connection
//   batch        BATCH events of one stream as application/cloudevents-batch+json
//   ndjson       the same as application/x-ndjson, which takes no If-Match
//   fill         what the reads read
//   read-ten, read-tag   the ten events of a stream, of a tag; IN_FLIGHT connections
//   read-all     everything as NDJSON, at most a million events, once
#include <algorithm>
#include <deque>
#include <vector>

#include "bench/client/http_connection.h"
#include "bench/client/load.h"

namespace stele::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// One event as JSON, without braces' content about where it belongs.
std::string event_json(const std::string& more) {
  static const std::string data = event_data();
  return R"({"specversion":"1.0","type":"OrderPlaced")" + more + R"(,"data":)" + data + "}";
}

std::string request(std::string_view method, const std::string& target, const std::string& headers,
                    const std::string& body) {
  return std::string(method) + " " + target + " HTTP/1.1\r\nHost: bench\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string stream_target(const std::string& stream) {
  return "/v1/topics/" + std::string(kTopic) + "/streams/" + stream;
}

// A version as entity tag, or that there is no stream yet.
std::string expectation(const Slot& slot) {
  if (slot.last() < 0) return "If-None-Match: *\r\n";
  return "If-Match: \"" + std::to_string(slot.last()) + "\"\r\n";
}

std::string append_request(const Slot& slot) {
  static const std::string data = event_data();
  return request("POST", stream_target(slot.name()),
                 expectation(slot) +
                     "ce-specversion: 1.0\r\nce-type: OrderPlaced\r\n"
                     "Content-Type: application/json\r\n",
                 data);
}

std::string tag_request(const Slot& slot) {
  std::string body =
      R"({"topic":"bench","events":[)" + event_json(R"(,"tags":[")" + slot.name() + "\"]") +
      R"(],"conditions":[{"failIfEventsMatch":{"items":[{"tags":[")" + slot.name() + "\"]}]}";
  if (slot.last() >= 0) body += R"(,"after":")" + std::to_string(slot.last()) + "\"";
  return request("POST", "/v1/events", "Content-Type: application/json\r\n", body + "}]}");
}

std::string batch_request(const Slot& slot, std::size_t count, bool ndjson) {
  std::string body;
  for (std::size_t i = 0; i < count; ++i) {
    if (!ndjson) body += i == 0 ? '[' : ',';
    body += event_json("");
    if (ndjson) body += '\n';
  }
  if (!ndjson) body += ']';
  return request("POST", stream_target(slot.name()),
                 ndjson
                     ? "Content-Type: application/x-ndjson\r\n"
                     : expectation(slot) + "Content-Type: application/cloudevents-batch+json\r\n",
                 body);
}

std::string fill_request() {
  std::string body = R"({"topic":"bench","events":[)";
  for (std::size_t i = 0; i < kTenStreams; ++i) {
    const std::string name = "ten-" + std::to_string(i);
    if (i > 0) body += ',';
    body += event_json(R"(,"stream":")" + name + R"(","tags":[")" + name + "\"]");
  }
  return request("POST", "/v1/events", "Content-Type: application/json\r\n", body + "]}");
}

std::string read_request(std::size_t n, bool by_tag) {
  const std::string target = by_tag ? "/v1/events?tag=" + ten_name(n) : stream_target(ten_name(n));
  return request("GET", target, "Accept: application/x-ndjson\r\n", "");
}

// Where the slot stands after the answer: the ETag's version, or the last position in the body.
std::int64_t last_of(const HttpAnswer& answer, bool by_tag) {
  std::string_view text = answer.etag;
  if (by_tag) {
    const std::size_t at = answer.body.rfind("\"position\":\"");
    if (at == std::string_view::npos) fail_run("no position in " + std::string(answer.body));
    text = answer.body.substr(at + 12);
  }
  std::int64_t value = 0;
  bool digits = false;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      if (digits) break;
      continue;
    }
    value = value * 10 + (c - '0');
    digits = true;
  }
  if (!digits) fail_run("no version in the answer");
  return value;
}

// What the slots send again and again.
class Work {
public:
  explicit Work(const Load& load) : load_(load) {
    for (std::size_t i = 0; i < load.in_flight; ++i) slots_.emplace_back(i);
    turns_.resize(load.in_flight);
  }

  [[nodiscard]] std::string next(std::size_t slot) {
    const std::string& mode = load_.mode;
    if (mode == "read-ten" || mode == "read-tag") {
      return read_request(slot * 37 + turns_[slot]++, mode == "read-tag");
    }
    if (mode == "append-tag") return tag_request(slots_[slot]);
    if (mode == "batch" || mode == "ndjson") {
      return batch_request(slots_[slot], load_.batch, mode == "ndjson");
    }
    return append_request(slots_[slot]);
  }

  void answered(std::size_t slot, const HttpAnswer& answer) {
    if (answer.status < 200 || answer.status > 299) {
      fail_run("status " + std::to_string(answer.status) + ": " + std::string(answer.body));
    }
    if (load_.mode.starts_with("read")) {
      if (std::ranges::count(answer.body, '\n') != kTenEvents) fail_run("not ten events");
      return;
    }
    if (load_.mode == "ndjson") return;
    slots_[slot].written(last_of(answer, load_.mode == "append-tag"));
  }

private:
  const Load& load_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> turns_;
};

// One connection, and the slots whose requests are under way on it, oldest first.
struct Lane {
  HttpConnection connection;
  std::deque<std::size_t> waiting;
};

Latencies run_slots(const Load& load) {
  Work work(load);
  const bool pipelined = load.mode == "pipelined";
  std::vector<Lane> lanes;
  for (std::size_t i = 0; i < (pipelined ? 1 : load.in_flight); ++i) {
    lanes.push_back({HttpConnection(load.address), {}});
  }
  HttpPoller poller;
  std::vector<Clock::time_point> sent(load.in_flight);
  const auto send = [&](Lane& lane, std::size_t slot) {
    lane.connection.queue(work.next(slot));
    sent[slot] = Clock::now();
    lane.waiting.push_back(slot);
  };
  for (std::size_t i = 0; i < lanes.size(); ++i) poller.add(lanes[i].connection, i);
  const auto until = Clock::now() + load.lasts;
  for (std::size_t slot = 0; slot < load.in_flight; ++slot) send(lanes[slot % lanes.size()], slot);
  for (Lane& lane : lanes) lane.connection.flush();
  std::size_t under_way = load.in_flight;
  Latencies times;
  while (under_way > 0) {
    for (const std::size_t ready : poller.wait()) {
      Lane& lane = lanes[ready];
      lane.connection.receive();
      while (const auto answer = lane.connection.take()) {
        const std::size_t slot = lane.waiting.front();
        lane.waiting.pop_front();
        times.add(seconds_since(sent[slot]));
        work.answered(slot, *answer);
        if (Clock::now() < until) {
          send(lane, slot);
        } else {
          --under_way;
        }
      }
      lane.connection.flush();
    }
  }
  return times;
}

HttpAnswer call(HttpConnection& connection, const std::string& text) {
  connection.queue(text);
  while (true) {
    connection.flush();
    if (const auto answer = connection.take()) return *answer;
    connection.wait();
    connection.receive();
  }
}

void create_topic(const Load& load) {
  HttpConnection connection(load.address);
  const HttpAnswer answer =
      call(connection, request("POST", "/v1/topics", "Content-Type: application/json\r\n",
                               R"({"name":"bench","partitions":1})"));
  if (answer.status != 409 && answer.status / 100 != 2) {
    fail_run("no topic: " + std::to_string(answer.status) + " " + std::string(answer.body));
  }
}

int run(const Load& load) {
  create_topic(load);
  Latencies times;
  std::uint64_t each = load.batch;
  const auto began = Clock::now();
  if (load.mode == "fill") {
    HttpConnection connection(load.address);
    const std::string one = fill_request();
    for (std::size_t i = 0; i < kTenEvents; ++i) {
      times.time([&] {
        if (call(connection, one).status / 100 != 2) fail_run("not filled");
      });
    }
    each = kTenStreams;
  } else if (load.mode == "read-all") {
    HttpConnection connection(load.address);
    times.time([&] {
      const HttpAnswer answer =
          call(connection, request("GET", "/v1/events?limit=" + std::to_string(kReadMax),
                                   "Accept: application/x-ndjson\r\n", ""));
      each = static_cast<std::uint64_t>(std::ranges::count(answer.body, '\n'));
    });
  } else {
    times = run_slots(load);
    if (load.mode.starts_with("read")) each = kTenEvents;
  }
  report(times, static_cast<std::uint64_t>(times.count()) * each, seconds_since(began));
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(stele::bench::Load::parse(count, arguments));
}
