// Quotas over a fake store and a set clock: what is measured, what is said, who is muted.
#include "server/kafka/quotas.h"

#include <map>

#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

using namespace std::chrono_literals;

/// Limits as a test says them.
class SetLimits final : public QuotaLimits {
public:
  void set(std::string client_id, QuotaKind kind, double per_second,
           QuotaScope scope = QuotaScope::kClient) {
    limits_[{std::move(client_id), kind}] = {per_second, scope};
    ++generation_;
  }
  void clear() {
    limits_.clear();
    ++generation_;
  }
  std::optional<QuotaLimit> limit_of(std::string_view user, std::string_view client_id,
                                     QuotaKind kind) const override {
    EXPECT_EQ(user, "ANONYMOUS");
    for (const std::string& id : {std::string(client_id), std::string("*")}) {
      if (const auto at = limits_.find({id, kind}); at != limits_.end()) return at->second;
    }
    return std::nullopt;
  }
  std::optional<double> connection_rate_of(std::string_view) const override { return {}; }
  std::uint64_t generation() const override { return generation_; }

private:
  std::map<std::pair<std::string, QuotaKind>, QuotaLimit> limits_;
  std::uint64_t generation_ = 0;
};

class QuotaRules : public BrokerTest {
protected:
  QuotaRules() { broker().broker.quotas.set_limits(&limits); }

  Sent produce(std::size_t bytes, std::string_view client_id = "a", std::int16_t acks = -1) {
    const Bytes batch = make_batch({.values = {std::string(bytes, 'x')}});
    const Sent sent =
        broker().send(9, BrokerHarness::produce_request("orders", batch, acks), client_id);
    broker().settle();
    return sent;
  }
  /// What the answer to so many bytes says, in ms.
  std::int32_t throttle(std::size_t bytes, std::string_view client_id = "a") {
    const Sent sent = produce(bytes, client_id);
    const auto answered = broker().decode<ProduceResponse>(sent);
    EXPECT_EQ(answered.topics[0].partitions[0].error_code, ErrorCode::kNone);
    EXPECT_EQ(sent.inbox->paused, std::chrono::milliseconds(answered.throttle_time_ms));
    return answered.throttle_time_ms;
  }
  FetchResponse fetch(std::int32_t max_bytes = 50 << 20) {
    return broker().ask<FetchResponse>(
        11, BrokerHarness::fetch_request("orders", {.max_bytes = max_bytes}), "a");
  }
  static std::size_t bytes_of(const FetchResponse& response) {
    return response.topics.empty() ? 0 : response.topics[0].partitions[0].records.size();
  }

  SetLimits limits;
};

TEST_F(QuotaRules, WithoutLimitsNothingIsMeasured) {
  EXPECT_EQ(throttle(500'000), 0);
  EXPECT_EQ(broker().broker.quotas.client_count(), 0U);
}

TEST_F(QuotaRules, Rule7_AProducerOverItsRateIsToldAndMuted) {
  limits.set("a", QuotaKind::kProducerBytes, 10'000);
  EXPECT_EQ(throttle(90'000), 0) << "the window of 10 s holds 100,000";
  // Now 140,000 and a little: 4 s until the window has room for them again.
  EXPECT_NEAR(throttle(50'000), 4030, 30);
  EXPECT_GT(broker().metrics.of(ApiKey::kProduce).throttled_ms, 3900);
}

TEST_F(QuotaRules, TheWindowSlides) {
  limits.set("a", QuotaKind::kProducerBytes, 10'000);
  EXPECT_EQ(throttle(90'000), 0);
  broker().pass(11s);
  EXPECT_EQ(throttle(90'000), 0);
  broker().pass(5s);
  EXPECT_GT(throttle(90'000), 0);
}

TEST_F(QuotaRules, AnObedientClientGetsItsRate) {
  limits.set("a", QuotaKind::kProducerBytes, 10'000);
  std::size_t bytes = 0;
  const auto began = env.now();
  while (env.now() - began < 120s) {
    bytes += 20'000;
    broker().pass(std::chrono::milliseconds(throttle(20'000) + 1));
  }
  const double seconds = std::chrono::duration<double>(env.now() - began).count();
  EXPECT_NEAR(static_cast<double>(bytes) / seconds, 10'000, 1'500);
}

TEST_F(QuotaRules, ClientsHaveRatesOfTheirOwnUnlessTheEntryIsOfTheUser) {
  limits.set("*", QuotaKind::kProducerBytes, 10'000);
  EXPECT_EQ(throttle(90'000, "a"), 0);
  EXPECT_EQ(throttle(90'000, "b"), 0);
  limits.set("*", QuotaKind::kProducerBytes, 10'000, QuotaScope::kUser);
  EXPECT_EQ(throttle(90'000, "c"), 0);
  EXPECT_GT(throttle(90'000, "d"), 0) << "it is the same user";
}

TEST_F(QuotaRules, AChangedLimitCountsWhatWasUsedBefore) {
  limits.set("a", QuotaKind::kProducerBytes, 1'000'000);
  EXPECT_EQ(throttle(500'000), 0);
  limits.set("a", QuotaKind::kProducerBytes, 10'000);
  EXPECT_GT(throttle(10), 39'000);
  limits.clear();
  EXPECT_EQ(throttle(500'000), 0);
}

TEST_F(QuotaRules, Acks0IsMutedWithoutAnAnswer) {
  limits.set("a", QuotaKind::kProducerBytes, 10'000);
  const Sent sent = produce(200'000, "a", 0);
  EXPECT_FALSE(sent.answered());
  EXPECT_GT(sent.inbox->paused, 9s);
}

TEST_F(QuotaRules, AFetchOverItsRateIsAnsweredEmptyAndMuted) {
  for (int i = 0; i < 20; ++i) produce(10'000, "producer");
  limits.set("a", QuotaKind::kConsumerBytes, 5'000);
  EXPECT_GT(bytes_of(fetch(40'000)), 20'000U);
  const Sent sent = broker().send(11, BrokerHarness::fetch_request("orders", {}), "a");
  const auto over = broker().decode<FetchResponse>(sent);
  EXPECT_EQ(bytes_of(over), 0U);
  EXPECT_EQ(over.error_code, ErrorCode::kNone);
  EXPECT_GT(over.throttle_time_ms, 1'000);
  EXPECT_GT(sent.inbox->paused, 1s);
  broker().pass(11s);
  EXPECT_GT(bytes_of(fetch()), 20'000U);
  broker().pass(1ms);
}

TEST_F(QuotaRules, AFetchTakesNoMoreThanItsWindowHolds) {
  for (int i = 0; i < 20; ++i) produce(10'000, "producer");
  limits.set("a", QuotaKind::kConsumerBytes, 5'000);
  const auto answered = fetch();
  EXPECT_LE(bytes_of(answered), 50'000U);
  EXPECT_GT(bytes_of(answered), 30'000U);
}

TEST_F(QuotaRules, ABatchLargerThanTheWindowGetsThrough) {
  produce(400'000, "producer");
  limits.set("a", QuotaKind::kConsumerBytes, 1'000);
  const auto answered = fetch();
  EXPECT_GT(bytes_of(answered), 400'000U);
  EXPECT_GT(answered.throttle_time_ms, 300'000);
  EXPECT_EQ(bytes_of(fetch()), 0U);
}

TEST_F(QuotaRules, AThrottledFetchKeepsItsSession) {
  for (int i = 0; i < 20; ++i) produce(10'000, "producer");
  limits.set("a", QuotaKind::kConsumerBytes, 5'000);
  FetchRequest request = BrokerHarness::fetch_request("orders", {.max_bytes = 45'000});
  request.session_epoch = 0;
  const auto opened = broker().ask<FetchResponse>(11, request, "a");
  ASSERT_NE(opened.session_id, 0);
  request.session_id = opened.session_id;
  request.session_epoch = 1;
  const auto over = broker().ask<FetchResponse>(11, request, "a");
  EXPECT_GT(over.throttle_time_ms, 0);
  EXPECT_EQ(over.session_id, opened.session_id);
  broker().pass(15s);
  request.session_epoch = 2;
  EXPECT_GT(bytes_of(broker().ask<FetchResponse>(11, request, "a")), 10'000U);
}

TEST_F(QuotaRules, TimeOfTheThreadIsCharged) {
  Quotas quotas({});
  limits.set("a", QuotaKind::kRequestTime, 10);
  quotas.set_limits(&limits);
  const auto client = quotas.client("ANONYMOUS", "a", 1000s);
  quotas.begin_work(1000s);
  EXPECT_EQ(client->record(QuotaKind::kRequestTime, quotas.take_work(1000s + 500ms), 1000s), 0ns);
  EXPECT_GT(client->record(QuotaKind::kRequestTime, quotas.end_work(1000s + 2s), 1000s), 0ns)
      << "2 s of 10 s are 20 percent";
  EXPECT_EQ(quotas.take_work(1010s), 0) << "nothing is being handled";
}

TEST_F(QuotaRules, APauseForTimeIsShortAndSaidInEveryAnswer) {
  limits.set("a", QuotaKind::kRequestTime, 0);
  broker()
      .broker.quotas.client("ANONYMOUS", "a", env.now())
      ->record(QuotaKind::kRequestTime, 5, env.now());
  const auto answered = broker().ask<MetadataResponse>(9, MetadataRequest{}, "a");
  EXPECT_EQ(answered.throttle_time_ms, 1000);
}

TEST_F(QuotaRules, IdleClientsAreForgottenAndTooManyShareOneRate) {
  Quotas quotas({.clients_max = 3});
  limits.set("*", QuotaKind::kProducerBytes, 10);
  quotas.set_limits(&limits);
  for (const char* id : {"1", "2", "3"}) EXPECT_TRUE(quotas.client("ANONYMOUS", id, 100s));
  const auto fourth = quotas.client("ANONYMOUS", "4", 100s);
  EXPECT_GT(fourth->record(QuotaKind::kProducerBytes, 1000, 100s), 0ns);
  EXPECT_GT(quotas.client("ANONYMOUS", "5", 100s)->record(QuotaKind::kProducerBytes, 1, 100s), 0ns)
      << "it shares the rate of all that are too many";
  EXPECT_EQ(quotas.client_count(), 3U);
  (void)quotas.client("ANONYMOUS", "6", 120s);
  EXPECT_EQ(quotas.client_count(), 1U);
}

}  // namespace
}  // namespace stele::kafka::test
