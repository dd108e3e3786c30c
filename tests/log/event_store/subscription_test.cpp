// Subscriptions: ordered, unique, resumable; what is told beside events.
#include "log/event_store/subscription.h"

#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

class SubscriptionTest : public EventStoreFixture {
protected:
  void append_some(int count, const std::string& type = "T") {
    for (int i = 0; i < count; ++i) append({.events = {event("t", "s", type)}});
  }
  Subscription open(ReadRequest request, const SubscriptionOptions& options = {}) {
    auto opened = Subscription::open(*events_, std::move(request), options);
    EXPECT_TRUE(opened.has_value());
    return *std::move(opened);
  }
  static SubscriptionNews poll(Subscription& subscription) {
    auto news = subscription.poll();
    EXPECT_TRUE(news.has_value()) << (news ? "" : news.error().text());
    return news ? *std::move(news) : SubscriptionNews{};
  }
};

TEST_F(SubscriptionTest, HistoryThenLiveWithoutGapOrRepeat) {
  create("t");
  append_some(10);
  Subscription subscription = open({.select = StreamSelection{"t", "s"}}, {.events_max = 4});
  std::vector<std::int64_t> seen;
  bool caught_up = false;
  for (int i = 0; i < 40; ++i) {
    const SubscriptionNews news = poll(subscription);
    for (const std::int64_t version : versions(news.events)) seen.push_back(version);
    caught_up = caught_up || news.caught_up;
    if (i % 3 == 0 && i < 36) append_some(1);
  }
  EXPECT_TRUE(caught_up);
  ASSERT_EQ(seen.size(), 22u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i));
  EXPECT_TRUE(subscription.wants_wake());
  append_some(1);
  EXPECT_FALSE(subscription.wants_wake());
}

TEST_F(SubscriptionTest, ASubscriptionWaitsForAStreamThatIsNotThereYet) {
  create("t");
  Subscription subscription = open({.select = StreamSelection{"t", "s"}});
  EXPECT_TRUE(poll(subscription).caught_up);
  append_some(1);
  EXPECT_EQ(poll(subscription).events.size(), 1u);
}

TEST_F(SubscriptionTest, AnyTokenResumesAlsoAfterARestart) {
  create("t");
  append_some(9);
  Subscription first = open({.select = TypeSelection{"T"}}, {.events_max = 4});
  const SubscriptionNews news = poll(first);
  ASSERT_EQ(news.events.size(), 4u);
  const std::string token = events_->token(news.events[2].position.next());
  reopen();
  Subscription second = open({.select = TypeSelection{"T"}, .from = {.token = token}});
  EXPECT_EQ(poll(second).events.front().position, news.events[3].position);
}

TEST_F(SubscriptionTest, AQuietFilterMovesOn) {
  create("t");
  append_some(30, "Other");
  Subscription subscription = open({.select = AllSelection{}, .filter = {.stream_prefix = "none"}},
                                   {.checkpoint_every = 10});
  SubscriptionNews news = poll(subscription);
  EXPECT_TRUE(news.caught_up);
  ASSERT_TRUE(news.checkpoint.has_value());
  EXPECT_EQ(*events_->parse_token(*news.checkpoint), store_->end());
  append_some(9, "Other");
  EXPECT_FALSE(poll(subscription).checkpoint.has_value());
  append_some(1, "Other");
  news = poll(subscription);
  ASSERT_TRUE(news.checkpoint.has_value());
  EXPECT_EQ(*events_->parse_token(*news.checkpoint), store_->end());
  EXPECT_TRUE(news.events.empty());
}

TEST_F(SubscriptionTest, ASlowClientFallsBehindAndCatchesUpWithoutALoss) {
  create("t");
  append_some(2);
  Subscription subscription =
      open({.select = TopicSelection{"t"}}, {.events_max = 5, .behind_max = 10});
  EXPECT_TRUE(poll(subscription).caught_up);
  append_some(11);
  SubscriptionNews news = poll(subscription);
  EXPECT_EQ(news.fell_behind, 11);
  EXPECT_FALSE(news.caught_up);
  std::size_t count = news.events.size();
  while (!news.caught_up) {
    news = poll(subscription);
    EXPECT_FALSE(news.fell_behind.has_value());
    count += news.events.size();
  }
  EXPECT_EQ(count, 11u);
}

TEST_F(SubscriptionTest, BackwardOrOfNoTopicIsRefused) {
  EXPECT_EQ(
      Subscription::open(*events_, {.select = AllSelection{}, .direction = Direction::kBackward})
          .error()
          .code,
      Code::kInvalid);
  EXPECT_EQ(Subscription::open(*events_, {.select = TopicSelection{"t"}}).error().code,
            Code::kNotFound);
}

}  // namespace
}  // namespace stele::log
