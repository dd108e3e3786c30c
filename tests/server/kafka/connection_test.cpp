// A connection at the level of bytes: framing, order, limits, deadlines. The other end is a socket
// in the test's hands.
#include <sys/socket.h>

#include <algorithm>
#include <functional>

#include "server/kafka/service.h"
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

using namespace std::chrono_literals;

/// Keeps requests; the test answers them.
class ScriptedHandler final : public RequestHandler {
public:
  Next handle(const RequestFrame& frame, const Client&, ReplyPtr reply) override {
    frames.emplace_back(frame.bytes.begin(), frame.bytes.end());
    replies.push_back(std::move(reply));
    if (!answer_at_once.empty()) answer(replies.size() - 1, answer_at_once);
    return next;
  }
  void answer(std::size_t index, std::string_view text) {
    Writer writer;
    writer.reserve_frame_size();
    EXPECT_TRUE(writer.text({}, text));
    replies[index]->send({std::move(writer).framed().value(), {}});
  }
  std::vector<Bytes> frames;
  std::vector<ReplyPtr> replies;
  std::string answer_at_once;  ///< empty: the test answers
  Next next = Next::kGoOn;
};

Bytes framed(std::string_view body) {
  Bytes bytes(4 + body.size());
  store_be<std::uint32_t>(bytes.data(), static_cast<std::uint32_t>(body.size()));
  std::ranges::copy(as_bytes(body), bytes.begin() + 4);
  return bytes;
}

class ConnectionTest : public ::testing::Test {
protected:
  void connect(ConnectionLimits limits = {}, std::size_t pool_bytes = 64 << 20) {
    limits_ = limits;
    pool = std::make_unique<server::BufferPool>(server::BufferPool::Limits{pool_bytes, 1 << 20});
    service = std::make_unique<Service>(loop, *pool, limits_, handler, metrics);
    loop.add_hook([this] { return service->end_turn(); });
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client = server::Descriptor(ends[0]);
    service->accept({server::Descriptor(ends[1]), {}, {}, {}});
  }
  void send(ByteView bytes) {
    ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void turns(int count = 5) {
    for (int i = 0; i < count; ++i) loop.turn(0ns);
  }
  std::string receive() {
    std::string all(1 << 16, '\0');
    const ssize_t got = ::recv(client.get(), all.data(), all.size(), MSG_DONTWAIT);
    all.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return all;
  }
  /// Moves the clock in steps, as a real one would.
  void pass(std::chrono::seconds time) {
    for (auto gone = 0s; gone < time; gone += 1s) {
      env.advance(1s);
      turns(2);
    }
  }
  bool closed() {
    turns();
    return service->connection_count() == 0;
  }

  SimEnv env;
  server::EventLoop loop{env};
  Metrics metrics;
  ScriptedHandler handler;
  std::unique_ptr<server::BufferPool> pool;
  std::unique_ptr<Service> service;
  server::Descriptor client;

private:
  ConnectionLimits limits_;
};

TEST_F(ConnectionTest, FramesArriveInAnyPieces) {
  connect();
  const Bytes one = framed("request one");
  const Bytes two = framed("request two");
  for (const std::byte byte : one) {
    send({&byte, 1});
    turns(1);
  }
  Bytes both = two;
  both.insert(both.end(), one.begin(), one.end());
  send(both);
  turns();
  ASSERT_EQ(handler.frames.size(), 3U);
  EXPECT_EQ(as_text(handler.frames[0]), "request one");
  EXPECT_EQ(as_text(handler.frames[1]), "request two");
  EXPECT_EQ(as_text(handler.frames[2]), "request one");
}

TEST_F(ConnectionTest, Rule5_AnswersLeaveInTheOrderOfRequests) {
  connect();
  for (const std::string_view body : {"request 0", "request 1", "request 2"}) send(framed(body));
  turns();
  ASSERT_EQ(handler.replies.size(), 3U);  // all are under way at once
  handler.answer(2, "C");
  handler.answer(1, "B");
  turns();
  EXPECT_EQ(receive(), "");
  handler.answer(0, "A");
  turns();
  const std::string got = receive();
  EXPECT_EQ(got.size(), 3 * 7U);
  EXPECT_EQ(std::string({got[6], got[13], got[20]}), "ABC");
}

TEST_F(ConnectionTest, Rule4_ASkippedAnswerLeavesNothingBetweenTheOthers) {
  connect();
  for (const std::string_view body : {"request 0", "request 1", "request 2"}) send(framed(body));
  turns();
  handler.answer(0, "A");
  handler.replies[1]->skip();
  handler.answer(2, "C");
  turns();
  EXPECT_EQ(receive().size(), 2 * 7U);
}

TEST_F(ConnectionTest, ABarrierHoldsLaterRequestsBack) {
  connect();
  handler.next = RequestHandler::Next::kWait;
  send(framed("request 0"));
  send(framed("request 1"));
  turns();
  EXPECT_EQ(handler.frames.size(), 1U);
  handler.answer(0, "A");
  turns();
  EXPECT_EQ(handler.frames.size(), 2U);
}

TEST_F(ConnectionTest, RequestsInFlightAreBounded) {
  connect({.requests_in_flight_max = 2});
  for (int i = 0; i < 5; ++i)
    send(
        framed("request"
               " n"));
  turns();
  EXPECT_EQ(handler.frames.size(), 2U);
  handler.answer(0, "A");
  turns();
  EXPECT_EQ(handler.frames.size(), 3U);
}

TEST_F(ConnectionTest, ImpossibleLengthsClose) {
  for (const std::uint32_t length : {0U, 7U, 0x80000000U, 0xffffffffU, (100U << 20) + 1}) {
    connect();
    Bytes bytes(4);
    store_be<std::uint32_t>(bytes.data(), length);
    send(bytes);
    EXPECT_TRUE(closed()) << length;
    EXPECT_EQ(handler.frames.size(), 0U);
    EXPECT_EQ(pool->in_use_bytes(), 0U);
  }
}

TEST_F(ConnectionTest, ADeclaredLengthReservesNothing) {
  connect();
  Bytes bytes(14);
  store_be<std::uint32_t>(bytes.data(), 100 << 20);
  send(bytes);
  turns();
  EXPECT_LE(pool->in_use_bytes(), 64U << 10);
  pass(29s);
  EXPECT_FALSE(closed());
  pass(3s);
  EXPECT_TRUE(closed());
  EXPECT_EQ(pool->in_use_bytes(), 0U);
}

TEST_F(ConnectionTest, ASlowlyGrowingFrameStays) {
  connect();
  Bytes bytes(4);
  store_be<std::uint32_t>(bytes.data(), 10 << 20);
  send(bytes);
  for (int i = 0; i < 100; ++i) {
    send(Bytes(4096));
    pass(1s);
  }
  EXPECT_FALSE(closed());
}

TEST_F(ConnectionTest, IdleConnectionsHoldNoMemoryAndAreClosed) {
  connect();
  send(framed("request 0"));
  turns();
  handler.answer(0, "A");
  turns();
  EXPECT_EQ(pool->in_use_bytes(), 0U);
  pass(599s);
  EXPECT_FALSE(closed());
  pass(3s);
  EXPECT_TRUE(closed());
}

TEST_F(ConnectionTest, AWaitingRequestIsNotIdle) {
  connect();
  send(framed("request 0"));
  pass(700s);
  EXPECT_FALSE(closed());
}

TEST_F(ConnectionTest, AClientThatDoesNotReadIsMutedThenClosed) {
  connect({.unsent_bytes_max = 1000});
  for (int i = 0; i < 100; ++i) send(framed("request n"));
  turns();
  for (std::size_t i = 0; i < handler.replies.size(); ++i) {
    handler.answer(i, std::string(30'000, 'x'));
  }
  turns();
  const std::size_t handled = handler.frames.size();
  for (int i = 0; i < 100; ++i) send(framed("request m"));
  turns();
  EXPECT_EQ(handler.frames.size(), handled);  // muted
  pass(59s);
  EXPECT_FALSE(closed());
  pass(4s);
  EXPECT_TRUE(closed());
}

TEST_F(ConnectionTest, LargeAnswersAreNotMadeBeforeTheLastHasLeft) {
  connect({.unsent_bytes_max = 1000});
  handler.answer_at_once = std::string(30'000, 'x');
  for (int i = 0; i < 200; ++i) send(framed("request n"));
  turns(300);
  EXPECT_LT(handler.frames.size(), 100U) << "the socket's buffer and one more";
  std::string got;
  for (int i = 0; i < 2000 && handler.frames.size() < 200; ++i) {
    got += receive();
    turns(1);
  }
  EXPECT_EQ(handler.frames.size(), 200U);
}

TEST_F(ConnectionTest, UnderPressureWhoDoesNotReadIsClosedSoon) {
  connect({.unsent_bytes_max = 1 << 20, .unsent_total_bytes_max = 100'000});
  handler.answer_at_once = std::string(30'000, 'x');
  for (int i = 0; i < 50; ++i) send(framed("request n"));
  turns(100);
  EXPECT_GT(metrics.unsent_bytes, 0);
  pass(4s);
  EXPECT_FALSE(closed());
  pass(4s);
  EXPECT_TRUE(closed());
  EXPECT_EQ(metrics.unsent_bytes, 0);
}

TEST_F(ConnectionTest, AtTheUtmostNobodyGetsMoreUntilItIsOver) {
  connect({.unsent_bytes_max = 1 << 20, .unsent_total_bytes_max = 10'000});
  constexpr std::size_t kCount = 20;
  for (std::size_t i = 0; i < kCount; ++i) send(framed("request n"));
  turns();
  for (std::size_t i = 0; i < kCount; ++i) handler.answer(i, std::string(30'000, 'x'));
  turns();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  const server::Descriptor other(ends[0]);
  service->accept({server::Descriptor(ends[1]), {}, {}, {}});
  const Bytes request = framed("request m");
  ASSERT_EQ(::send(other.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  turns();
  EXPECT_EQ(handler.frames.size(), kCount) << "the first one reads nothing";
  for (int i = 0; i < 30; ++i) {
    receive();
    turns();
  }
  EXPECT_EQ(handler.frames.size(), kCount + 1);
}

TEST_F(ConnectionTest, APausedClientIsMutedAndNotIdle) {
  connect();
  send(framed("request 0"));
  turns();
  handler.replies[0]->pause(700s);
  handler.answer(0, "a");
  send(framed("request 1"));
  turns();
  EXPECT_FALSE(receive().empty()) << "the answer leaves at once";
  EXPECT_EQ(metrics.muted_connections, 1);
  pass(690s);
  EXPECT_EQ(handler.frames.size(), 1U);
  EXPECT_FALSE(closed());
  pass(20s);
  EXPECT_EQ(handler.frames.size(), 2U);
  EXPECT_EQ(metrics.muted_connections, 0);
}

TEST_F(ConnectionTest, AMutedClientThatIsClosedLeavesNoTimer) {
  connect();
  send(framed("request 0"));
  turns();
  handler.replies[0]->pause(24h);
  EXPECT_EQ(loop.timers().size(), 1U);
  handler.replies[0]->abort();
  turns();
  EXPECT_EQ(loop.timers().size(), 0U);
  EXPECT_EQ(metrics.muted_connections, 0);
}

TEST_F(ConnectionTest, AFullPoolStopsReadingUntilThereIsRoom) {
  connect({}, 1 << 20);
  server::BufferPtr everything =
      pool->take((1 << 20) + (1 << 17));  // what is kept for small ones too
  send(framed("request 0"));
  turns();
  EXPECT_EQ(handler.frames.size(), 0U);
  everything.reset();
  turns();
  EXPECT_EQ(handler.frames.size(), 1U);
}

TEST_F(ConnectionTest, SmallRequestsGetThroughWhileLargeOnesFillThePool) {
  connect({}, 1 << 20);
  const server::BufferPtr large = pool->take(1 << 20);
  send(framed("request 0"));
  turns();
  EXPECT_EQ(handler.frames.size(), 1U);
}

TEST_F(ConnectionTest, AHalfClosedClientGetsItsAnswers) {
  connect();
  send(framed("request 0"));
  ::shutdown(client.get(), SHUT_WR);
  turns();
  EXPECT_EQ(service->connection_count(), 1U);
  handler.answer(0, "A");
  turns();
  EXPECT_EQ(receive().size(), 7U);
  EXPECT_TRUE(closed());
}

TEST_F(ConnectionTest, DrainingAnswersWhatIsInFlightAndReadsNothingMore) {
  connect();
  send(framed("request 0"));
  turns();
  service->drain();
  send(framed("request 1"));
  turns();
  EXPECT_EQ(service->connection_count(), 1U);
  handler.answer(0, "A");
  turns();
  EXPECT_EQ(receive().size(), 7U);
  EXPECT_TRUE(closed());
  EXPECT_EQ(handler.frames.size(), 1U);
}

TEST_F(ConnectionTest, ARefusedRequestCloses) {
  connect();
  handler.next = RequestHandler::Next::kClose;
  send(framed("request 0"));
  EXPECT_TRUE(closed());
}

TEST_F(ConnectionTest, LargeFramesAreNotCopiedOnceTheSizeIsProven) {
  connect();
  FrameReader reader(*pool, 100 << 20);
  const std::size_t frame_bytes = 1 << 20;
  for (int round = 0; round < 3; ++round) {
    std::vector<const std::byte*> places;
    std::size_t left = 4 + frame_bytes;
    bool first = true;
    while (left > 0) {
      const ByteSpan space = reader.space();
      if (first) store_be<std::uint32_t>(space.data(), frame_bytes);
      const std::size_t bytes = first ? 4 : std::min(space.size(), left);
      if (!first) places.push_back(space.data());
      reader.received(bytes);
      left -= bytes;
      first = false;
    }
    const auto frame = reader.next().value().value();
    EXPECT_EQ(frame.bytes.size(), frame_bytes);
    if (round > 0) EXPECT_EQ(places.front(), frame.bytes.data());  // received in its place
  }
}

}  // namespace
}  // namespace stele::kafka::test
