// The small parts of server/core: buffers, timers, addresses, quotas, histograms, log limits.
#include <gtest/gtest.h>

#include "server/core/address.h"
#include "server/core/buffer_pool.h"
#include "server/core/listener.h"
#include "server/core/log.h"
#include "server/core/prometheus.h"
#include "server/core/sampled_rate.h"
#include "server/core/timer_queue.h"

namespace stele::server {
namespace {

using namespace std::chrono_literals;

TEST(BufferPool, ABufferThatComesBackIsGivenOutAgain) {
  BufferPool pool({1 << 20, 1 << 20});
  BufferPtr first = pool.take(70'000);
  const std::byte* place = first->data();
  EXPECT_GE(first->size(), 70'000U);
  EXPECT_LE(first->size(), 70'000U * 5 / 4 + 4096);
  first.reset();
  EXPECT_EQ(pool.in_use_bytes(), 0U);
  EXPECT_EQ(pool.take(70'000)->data(), place);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool({1 << 20, 100'000});
  {
    const std::vector<BufferPtr> many(10, nullptr);
  }
  {
    std::vector<BufferPtr> many;
    for (int i = 0; i < 10; ++i) many.push_back(pool.take(65'536));
    EXPECT_EQ(pool.in_use_bytes(), 655'360U);
  }
  EXPECT_LE(pool.free_bytes(), 100'000U);
}

TEST(BufferPool, FreeBuffersGoBeforeTheLimitIsPassed) {
  BufferPool pool({1 << 20, 1 << 20});
  pool.take(512 << 10).reset();
  const BufferPtr large = pool.take(768 << 10);
  EXPECT_EQ(pool.free_bytes(), 0U);
  EXPECT_FALSE(pool.full());
  const BufferPtr more = pool.take(256 << 10);
  EXPECT_TRUE(pool.full());
}

TEST(BufferPool, ClassesAreAtMostAQuarterLarger) {
  for (std::size_t bytes = 5000; bytes < (64 << 20); bytes += bytes / 3) {
    EXPECT_GE(buffer_class_bytes(bytes), bytes);
    EXPECT_LE(buffer_class_bytes(bytes), bytes + bytes / 4) << bytes;
  }
}

TEST(TimerQueue, RunsWhatIsDueInOrderAndNotWhatWasCancelled) {
  TimerQueue timers;
  std::string ran;
  timers.add(3s, [&] { ran += 'c'; });
  timers.add(1s, [&] { ran += 'a'; });
  const auto cancelled = timers.add(2s, [&] { ran += 'x'; });
  timers.add(2s, [&] { ran += 'b'; });
  timers.cancel(cancelled);
  timers.run_due(2s);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(timers.next(), 3s);
}

TEST(TimerQueue, ATaskMayCancelAndAdd) {
  TimerQueue timers;
  int runs = 0;
  TimerQueue::Id other{};
  timers.add(1s, [&] {
    timers.cancel(other);
    timers.add(1s, [&] { ++runs; });
  });
  other = timers.add(2s, [&] { runs += 100; });
  timers.run_due(5s);
  EXPECT_EQ(runs, 0);
  timers.run_due(5s);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(timers.size(), 0U);
}

TEST(Address, WhatIsAndIsNotHostAndPort) {
  EXPECT_EQ(HostPort::parse("a.b:9092").value(), (HostPort{"a.b", 9092}));
  EXPECT_EQ(HostPort::parse("[::1]:1").value(), (HostPort{"::1", 1}));
  EXPECT_EQ(HostPort::parse("[::1]:1")->text(), "[::1]:1");
  for (const char* bad : {"", "host", ":1", "host:", "host:x", "host:70000", "::1:5", "host:1 "}) {
    EXPECT_FALSE(HostPort::parse(bad)) << bad;
  }
}

TEST(Address, LocalhostIsLoopbackOfEveryFamily) {
  for (const SocketAddress& address : resolve({"localhost", 9092}).value()) {
    EXPECT_TRUE(address.is_loopback());
    EXPECT_EQ(address.port(), 9092);
  }
  EXPECT_FALSE(resolve({"0.0.0.0", 1})->front().is_loopback());
}

TEST(SampledRate, IsMeasuredOverTheWholeWindowFromTheStart) {
  SampledRate rate({});
  rate.record(100, 1000s);
  EXPECT_DOUBLE_EQ(rate.per_second(1000s), 10);
  EXPECT_EQ(rate.excess(10, 1000s), 0ns);
  EXPECT_EQ(rate.excess(5, 1000s), 10s) << "100 are 5 a second once 20 s have gone by";
}

TEST(SampledRate, WhatIsOlderThanTheWindowDoesNotCount) {
  SampledRate rate({});
  rate.record(100, 1000s);
  rate.record(11, 1005s);
  EXPECT_DOUBLE_EQ(rate.total(1010s), 111);
  EXPECT_DOUBLE_EQ(rate.total(1011s), 11);
  EXPECT_DOUBLE_EQ(rate.total(2000s), 0);
}

TEST(SampledRate, WhatIsTakenBackWasNotUsed) {
  SampledRate rate({});
  rate.record(100, 1000s);
  rate.take_back(100, 1000s);
  EXPECT_DOUBLE_EQ(rate.per_second(1000s), 0);
  rate.take_back(5, 1000s);
  EXPECT_DOUBLE_EQ(rate.total(1000s), 0) << "never below nothing";
}

TEST(SampledRate, ALimitOfNothingWaitsLongButNotForEver) {
  SampledRate rate({});
  rate.record(1, 1000s);
  EXPECT_EQ(rate.excess(0, 1000s), 24h);
}

TEST(ConnectionQuota, AnAddressMayHaveALimitOfItsOwn) {
  ConnectionQuota quota({.connections_max = 10,
                         .connections_per_ip_max = 1,
                         .per_ip_overrides = {{"10.0.0.1", 2}, {"10.0.0.2", 0}}});
  const auto a = quota.admit("10.0.0.1");
  const auto b = quota.admit("10.0.0.1");
  EXPECT_TRUE(a && b);
  EXPECT_EQ(quota.admit("10.0.0.1").error().code, Code::kOverloaded);
  EXPECT_FALSE(quota.admit("10.0.0.2")) << "none at all";
  EXPECT_TRUE(quota.admit("10.0.0.3"));
}

TEST(ConnectionQuota, WhoComesTooFastWaitsAndDoesNotCount) {
  ConnectionQuota quota({});
  EXPECT_EQ(quota.wait_of("10.0.0.1", 1000s), 0ns);
  quota.limit_rates([](const std::string& ip) -> std::optional<double> {
    return ip == "10.0.0.1" ? std::optional(2.0) : std::nullopt;
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(quota.wait_of("10.0.0.1", 1000s), 0ns) << i;
  for (int i = 0; i < 100; ++i) EXPECT_GT(quota.wait_of("10.0.0.1", 1000s), 400ms) << i;
  EXPECT_EQ(quota.wait_of("10.0.0.9", 1000s), 0ns);
  EXPECT_EQ(quota.wait_of("10.0.0.1", 1011s), 0ns);
}

TEST(ConnectionQuota, TheRateOfAllIsPaidForByThoseWhoComeNext) {
  ConnectionQuota quota({.rate_max = 1});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(quota.wait_of_all(1000s), 0ns) << i;
  EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(quota.wait_of_all(1000s)), 1s);
  EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(quota.wait_of_all(1000s)), 2s);
}

TEST(ConnectionQuota, CountsByAddressAndAllTogether) {
  ConnectionQuota quota({.connections_max = 3, .connections_per_ip_max = 2});
  auto a = quota.admit("1.1.1.1");
  auto b = quota.admit("1.1.1.1");
  EXPECT_EQ(quota.admit("1.1.1.1").error().code, Code::kOverloaded);
  auto c = quota.admit("2.2.2.2");
  EXPECT_NE(quota.admit("3.3.3.3").error().detail.find("connections_max=3"), std::string::npos);
  {
    const ConnectionQuota::Seat gone = *std::move(a);
  }
  EXPECT_EQ(quota.count(), 2U);
  EXPECT_TRUE(quota.admit("1.1.1.1"));
}

TEST(LatencyHistogram, CountsIntoDoublingBuckets) {
  LatencyHistogram histogram;
  histogram.add(10us);
  histogram.add(62'500ns);
  histogram.add(63us);
  histogram.add(1h);
  EXPECT_EQ(histogram.at_most(0), 2);
  EXPECT_EQ(histogram.at_most(1), 3);
  EXPECT_EQ(histogram.at_most(LatencyHistogram::kBucketCount - 1), 3);
  EXPECT_EQ(histogram.count(), 4);
}

TEST(PrometheusText, IsWhatPrometheusReads) {
  PrometheusText text;
  text.counter("a_total", "Things.").sample(label("k", "x\"y"), std::int64_t{3});
  EXPECT_EQ(text.take(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{k=\"x\\\"y\"} 3\n");
}

TEST(LogLimit, LetsOneThroughAndCountsTheRest) {
  LogLimit limit(10s);
  std::int64_t suppressed = 0;
  EXPECT_TRUE(limit.allows(1s, suppressed));
  EXPECT_FALSE(limit.allows(2s, suppressed));
  EXPECT_FALSE(limit.allows(3s, suppressed));
  EXPECT_TRUE(limit.allows(12s, suppressed));
  EXPECT_EQ(suppressed, 2);
}

}  // namespace
}  // namespace stele::server
