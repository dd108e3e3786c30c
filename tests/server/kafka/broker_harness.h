// A broker over a store of the test's choice, asked as a client would: requests go in as frames,
// answers come out decoded. Time stands still unless the test moves it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "log/format/batch_builder.h"
#include "server/kafka/broker.h"
#include "server/kafka/wire/cluster.h"
#include "server/kafka/wire/fetch.h"
#include "server/kafka/wire/produce.h"
#include "server/kafka/wire/producers.h"
#include "tests/support/fake_store.h"
#include "tests/support/sim_env.h"

namespace stele::kafka::test {

/// Takes what a Reply says.
class Inbox final : public ReplyListener {
public:
  void on_reply(std::size_t) override { ++replies; }
  void on_abort() override { aborted = true; }
  void on_pause(std::chrono::nanoseconds time) override { paused = time; }
  int replies = 0;
  bool aborted = false;
  std::chrono::nanoseconds paused{0};
};

/// A request that is under way.
struct Sent {
  std::shared_ptr<Inbox> inbox;
  ReplyPtr reply;
  RequestHandler::Next next = RequestHandler::Next::kGoOn;
  std::int16_t version = 0;

  [[nodiscard]] bool answered() const { return reply->ready() && reply->answer().frame.size() > 0; }
};

struct BatchSpec {
  std::vector<std::string> values{"v"};
  std::optional<std::string> key = "k";
  std::int64_t timestamp_ms = 1000;
  BatchOptions options{};
};

inline Bytes make_batch(const BatchSpec& spec = {}) {
  BatchBuilder builder(spec.options);
  for (const std::string& value : spec.values) {
    NewRecord record{.value = as_bytes(value), .timestamp_ms = spec.timestamp_ms};
    if (spec.key) record.key = as_bytes(*spec.key);
    EXPECT_TRUE(builder.add(record));
  }
  return builder.finish().value();
}

class BrokerHarness {
public:
  explicit BrokerHarness(log::Store& store, SimEnv& env, BrokerOptions options = {})
      : env(env), broker(store, env, timers, pool, metrics, std::move(options)) {
    const auto local = server::resolve({"127.0.0.1", 9092}).value();
    client = {"127.0.0.1:5555", local.front()};
  }

  Sent send_bytes(ByteView frame_without_size, std::int16_t version = 0) {
    const server::BufferPtr buffer = pool.take(frame_without_size.size());
    std::ranges::copy(frame_without_size, buffer->data());
    Sent sent;
    sent.version = version;
    sent.inbox = std::make_shared<Inbox>();
    sent.reply = std::make_shared<Reply>(sent.inbox);
    sent.next =
        broker.handle({{buffer->data(), frame_without_size.size()}, buffer}, client, sent.reply);
    return sent;
  }

  template <class Request>
  Sent send(std::int16_t version, const Request& request, std::string_view client_id = "test") {
    const RequestHeader header{static_cast<std::int16_t>(Request::kApi), version, 7, client_id};
    const Bytes frame = request_frame(header, request).value().flat();
    return send_bytes(ByteView(frame).subspan(4), version);
  }

  /// Lets the store and the waiting fetches do what they can.
  void settle() {
    for (int i = 0; i < 100; ++i) {
      if (broker.store.poll() == 0 && env.pending_count() == 0) break;
      env.wait(std::chrono::milliseconds(1));
    }
    broker.end_turn();
  }
  void pass(std::chrono::milliseconds time) {
    env.advance(time);
    timers.run_due(env.now());
    broker.end_turn();
  }

  template <class Response>
  Response decode(const Sent& sent) {
    EXPECT_TRUE(sent.answered());
    if (!sent.answered()) return {};
    last_answer = sent.reply->answer().frame.flat();
    ByteView body = ByteView(last_answer).subspan(4);
    const auto header_version = response_header_version(Response::kApi, sent.version);
    EXPECT_EQ(read_prefix<ResponseHeader>(header_version, body).value().correlation_id, 7);
    return read<Response>(sent.version, body).value();
  }

  template <class Response, class Request>
  Response ask(std::int16_t version, const Request& request, std::string_view client_id = "test") {
    const Sent sent = send(version, request, client_id);
    settle();
    return decode<Response>(sent);
  }

  /// Produces one batch to one partition.
  ProduceResponsePartition produce(std::string_view topic, const Bytes& batch,
                                   std::int16_t version = 9, std::int16_t acks = -1) {
    return ask<ProduceResponse>(version, produce_request(topic, batch, acks))
        .topics.at(0)
        .partitions.at(0);
  }
  static ProduceRequest produce_request(std::string_view topic, ByteView batch,
                                        std::int16_t acks = -1, std::int32_t partition = 0) {
    ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 30'000;
    request.topics.push_back({topic, {}, {{partition, batch}}});
    return request;
  }

  struct FetchSpec {
    std::int64_t offset = 0;
    std::int32_t partition_bytes = 1 << 20;
    std::int32_t max_bytes = 50 << 20;
    std::int32_t min_bytes = 1;
    std::int32_t max_wait_ms = 0;
    std::int32_t epoch = -1;
  };
  static FetchRequest fetch_request(std::string_view topic, const FetchSpec& spec) {
    FetchRequest request;
    request.max_wait_ms = spec.max_wait_ms;
    request.min_bytes = spec.min_bytes;
    request.max_bytes = spec.max_bytes;
    FetchRequestPartition partition;
    partition.fetch_offset = spec.offset;
    partition.partition_max_bytes = spec.partition_bytes;
    partition.current_leader_epoch = spec.epoch;
    request.topics.push_back({topic, {}, {partition}});
    return request;
  }
  FetchResponsePartition fetch(std::string_view topic, const FetchSpec& spec,
                               std::int16_t version = 11) {
    return ask<FetchResponse>(version, fetch_request(topic, spec)).topics.at(0).partitions.at(0);
  }

  SimEnv& env;
  server::TimerQueue timers;
  server::BufferPool pool{{}};
  Metrics metrics;
  Broker broker;
  Client client;
  Bytes last_answer;
};

/// The usual fixture: a fake store with a topic "orders" of two partitions.
class BrokerTest : public ::testing::Test {
protected:
  BrokerTest() { orders = store.create_topic({"orders", 2, {}}).value(); }

  log::TopicPtr create(std::string name, log::TopicSettings settings = {}) {
    return store.create_topic({std::move(name), 1, std::move(settings)}).value();
  }
  BrokerHarness& with(BrokerOptions options) {
    harness_ = std::make_unique<BrokerHarness>(store, env, std::move(options));
    return *harness_;
  }
  BrokerHarness& broker() { return harness_ ? *harness_ : with({}); }

  SimEnv env;
  stele::test::FakeStore store;
  log::TopicPtr orders;

private:
  std::unique_ptr<BrokerHarness> harness_;
};

}  // namespace stele::kafka::test
