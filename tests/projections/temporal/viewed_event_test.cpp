#include "projections/sources/viewed_event.h"

#include <gtest/gtest.h>

#include "log/event_store/owned_events.h"
#include "projections/sources/embedded_source.h"
#include "tests/support/sim_env.h"

namespace stele::projections {
namespace {

struct OwnedHeader {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const OwnedHeader&, const OwnedHeader&) = default;
};

std::vector<OwnedHeader> headers_of(const InputEvent& event) {
  std::vector<OwnedHeader> all;
  for (const HeaderView& header : event.headers) {
    OwnedHeader& owned = all.emplace_back(OwnedHeader{std::string(header.key), std::nullopt});
    if (header.value) owned.value.emplace(as_text(*header.value));
  }
  return all;
}

log::NewEvent full_event() {
  log::NewEvent event{.stream = "o-17",
                      .id = "e 1",
                      .type = "OrderPlaced",
                      .source = "/shop",
                      .subject = "order",
                      .content_type = "application/json",
                      .data_schema = "urn:s",
                      .tags = {"customer:ä,b", "vip"},
                      .time_text = "2013-01-01T06:00:00.5+01:00",
                      .extensions = {{"region", "eu"}},
                      .headers = {{"trace", "t1"}, {"empty", std::nullopt}}};
  const ByteView data = as_bytes("{}");
  event.data.emplace(data.begin(), data.end());
  return event;
}

/// Headers as each event had them inside the call.
class SeenHeaders final : public log::EventSink {
public:
  void take(const log::EventView& view) override {
    headers.push_back(headers_of(event_.read(view)));
    types.emplace_back(event_.read(view).type);
  }
  std::vector<std::vector<OwnedHeader>> headers;
  std::vector<std::string> types;

private:
  ViewedEvent event_;
};

class ViewedEventTest : public testing::Test {
protected:
  void SetUp() override {
    auto opened = log::Store::open("/data", env_, {});
    ASSERT_TRUE(opened.has_value());
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    ASSERT_TRUE(store_->create_topic({"orders", 1, {}}));
  }
  std::vector<OwnedHeader> headers_in_order() {
    EmbeddedSource source(*events_);
    auto reader = source.open({"orders"}, {InputId::store()}, {});
    EXPECT_TRUE(reader.has_value());
    const auto lot = (*reader)->next(std::chrono::nanoseconds(0));
    EXPECT_TRUE(lot.has_value() && (*lot)->events.size() == 1);
    return headers_of((*lot)->events.front());
  }

  SimEnv env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
};

TEST_F(ViewedEventTest, ShowsTheHeadersThatTheLogInOrderShows) {
  // A plain producer's: attributes behind others, one of them twice.
  const std::string id = "x";
  ASSERT_TRUE(
      store_->append("orders", {.key = "o-17",
                                .type = "Odd",
                                .value = "v",
                                .headers = {{"trace", "1"}, {"ce_id", id}, {"trace", "2"}}}));
  SeenHeaders seen;
  ASSERT_TRUE(events_->read_into({.select = log::StreamSelection{"orders", "o-17"}}, seen));
  ASSERT_EQ(seen.headers.size(), 1U);
  EXPECT_EQ(seen.headers.front(), headers_in_order());
  EXPECT_EQ(seen.types.front(), "Odd");
}

TEST_F(ViewedEventTest, WritesHeadersAnewWhereTheRecordIsNotThere) {
  ASSERT_TRUE(events_->append({.events = {{"orders", full_event()}}}).has_value());
  log::OwnedEvents owned;
  ASSERT_TRUE(events_->read_into({.select = log::StreamSelection{"orders", "o-17"}}, owned));
  const std::vector<log::RecordedEvent> events = owned.release();
  ASSERT_EQ(events.size(), 1U);
  ViewedEvent viewed;
  const log::ViewOf view(events.front());
  EXPECT_EQ(headers_of(viewed.read(view.view())), headers_in_order());
}

}  // namespace
}  // namespace stele::projections
