// Reads and subscriptions that last: slow clients, clients that go, what cannot be read; and the
// health service.
#include <grpcpp/generic/generic_stub.h>

#include "tests/server/grpc/grpc_harness.h"

namespace stele::rpc {
namespace {

class LongCalls : public GrpcHarness {
protected:
  /// A number that the server prints.
  std::int64_t printed(const std::string& name) {
    std::promise<std::int64_t> value;
    loop_->post([&] {
      server::PrometheusText text;
      server_->print(text);
      const std::string all = text.take();
      const std::string line = "\n" + name + " ";
      value.set_value(std::stoll(all.substr(all.find(line) + line.size())));
    });
    return value.get_future().get();
  }
  /// Asks until it is so: what it waits for happens by itself.
  void expect_soon(const std::string& name, std::int64_t wanted) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (printed(name) != wanted && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    EXPECT_EQ(printed(name), wanted) << name;
  }
  /// 16 MB, in events of which gRPC's windows hold few.
  void fill() {
    options_.page_bytes = 64 << 10;
    start();
    for (int i = 0; i < 32; ++i) must_append(one("s", std::string(500'000, 'x')));
  }
  /// The status number of grpc.health.v1.Health/Check: 1 is SERVING, 2 is not.
  int health(const std::string& service) {
    const std::string request =
        "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    const ::grpc::Slice slice(service.empty() ? std::string() : request);
    ::grpc::ClientContext context;
    ::grpc::CompletionQueue queue;
    ::grpc::GenericStub stub(channel_);
    const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                            ::grpc::ByteBuffer(&slice, 1), &queue);
    ::grpc::ByteBuffer answer;
    ::grpc::Status status;
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    EXPECT_TRUE(status.ok()) << service << ": " << status.error_message();
    ::grpc::Slice bytes;
    EXPECT_TRUE(answer.DumpToSingleSlice(&bytes).ok());
    return bytes.size() == 2 && bytes.begin()[0] == 0x08 ? bytes.begin()[1] : -1;
  }
  ::grpc::StatusCode read_stream(const std::string& name) {
    v1::ReadRequest request;
    request.mutable_selection()->mutable_stream()->set_topic("orders");
    request.mutable_selection()->mutable_stream()->set_stream(name);
    ::grpc::Status status;
    EXPECT_TRUE(read(request, status).empty());
    return status.error_code();
  }
};

TEST_F(LongCalls, ASlowReadIsHeldBackAndGetsAllInTheEnd) {
  fill();
  ::grpc::ClientContext context;
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  const auto reader = stub_->Read(&context, request);
  v1::ReadResponse page;
  ASSERT_TRUE(reader->Read(&page));
  int count = page.batch().events_size();
  // What follows is work of the same threads: while the reader takes nothing, there is no more read
  // than one page on its way and one behind it, and what gRPC's windows hold.
  for (int i = 0; i < 20; ++i) must_append(one("t", "x"));
  EXPECT_LT(printed("stele_grpc_sent_events_total"), 30);
  while (reader->Read(&page)) count += page.batch().events_size();
  EXPECT_GE(count, 32);
  EXPECT_TRUE(reader->Finish().ok());
  expect_soon("stele_grpc_reads", 0);
}

TEST_F(LongCalls, AClientThatGoesAwayLeavesNothingBehind) {
  fill();
  v1::ReadRequest all;
  all.mutable_selection()->mutable_all();
  v1::SubscribeRequest live;
  live.mutable_selection()->mutable_topic()->assign("orders");
  live.mutable_from()->set_position(static_cast<std::uint64_t>(store_->end().raw()));
  ::grpc::ClientContext reading, waiting, behind;
  const auto read = stub_->Read(&reading, all);
  const auto subscribed = stub_->Subscribe(&waiting, live);
  live.clear_from();
  const auto slow = stub_->Subscribe(&behind, live);
  v1::ReadResponse page;
  v1::SubscribeResponse news;
  ASSERT_TRUE(read->Read(&page));
  ASSERT_TRUE(subscribed->Read(&news));
  ASSERT_TRUE(slow->Read(&news));
  EXPECT_EQ(printed("stele_grpc_subscriptions"), 2);
  for (auto* context : {&reading, &waiting, &behind}) context->TryCancel();
  EXPECT_EQ(read->Finish().error_code(), ::grpc::StatusCode::CANCELLED);
  EXPECT_EQ(subscribed->Finish().error_code(), ::grpc::StatusCode::CANCELLED);
  EXPECT_EQ(slow->Finish().error_code(), ::grpc::StatusCode::CANCELLED);
  expect_soon("stele_grpc_reads", 0);
  expect_soon("stele_grpc_subscriptions", 0);
}

TEST_F(LongCalls, ADeadlineEndsASubscription) {
  start();
  ::grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  v1::SubscribeRequest request;
  request.mutable_selection()->mutable_all();
  const auto reader = stub_->Subscribe(&context, request);
  for (v1::SubscribeResponse news; reader->Read(&news);) {
  }
  EXPECT_EQ(reader->Finish().error_code(), ::grpc::StatusCode::DEADLINE_EXCEEDED);
  expect_soon("stele_grpc_subscriptions", 0);
}

TEST_F(LongCalls, AStreamThatIsNotThereOrGoneForGoodIsNotRead) {
  start();
  must_append(one("there", "x"));
  EXPECT_EQ(read_stream("never"), ::grpc::StatusCode::NOT_FOUND);
  v1::TombstoneRequest tombstone;
  tombstone.set_topic("orders");
  tombstone.set_stream("there");
  ::grpc::ClientContext context;
  v1::TombstoneResponse done;
  ASSERT_TRUE(stub_->Tombstone(&context, tombstone, &done).ok());
  EXPECT_EQ(read_stream("there"), ::grpc::StatusCode::FAILED_PRECONDITION);
  ::grpc::ClientContext other;
  v1::SubscribeRequest request;
  request.mutable_selection()->mutable_stream()->set_topic("orders");
  request.mutable_selection()->mutable_stream()->set_stream("later");
  const auto reader = stub_->Subscribe(&other, request);
  v1::SubscribeResponse news;
  while (reader->Read(&news) && !news.has_caught_up()) {
  }
  must_append(one("later", "first"));
  while (reader->Read(&news) && news.batch().events_size() == 0) {
  }
  EXPECT_EQ(news.batch().events(0).data(), "first");
  other.TryCancel();
  reader->Finish();
}

TEST_F(LongCalls, HealthIsToldOfTheServerAndOfEachService) {
  start();
  for (const char* name : {"", "stele.v1.EventStore", "stele.v1.Admin"}) EXPECT_EQ(health(name), 1);
}

}  // namespace
}  // namespace stele::rpc
