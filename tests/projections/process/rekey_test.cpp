#include "projections/process/rekey.h"

#include "projections/process/outbox.h"
#include "tests/projections/process/process_fixture.h"

namespace stele::projections {
namespace {

struct Departed {
  std::string carrier;
};
struct Landed {
  std::string at;
};

}  // namespace

template <>
struct event_traits<Departed> : json_event<"Departed"> {};
template <>
struct event_traits<Landed> : json_event<"Landed"> {};

namespace {

Rekey by_carrier() {
  return rekey("flights")
      .to("flights.by-carrier")
      .by<Departed>([](const Departed& e) { return e.carrier; })
      .by<Landed>([](const Landed& e, const Meta& m) -> std::optional<std::string> {
        if (e.at == "nowhere") return std::nullopt;
        return e.at + "-" + std::string(m.stream());
      });
}

class RekeyTest : public ProcessFixture {
protected:
  RekeyTest() {
    create("flights");
    create("flights.by-carrier");
  }
  void run(std::int64_t from = 0) {
    const DefinitionPtr definition = by_carrier().definition();
    ASSERT_TRUE(check_definition(*definition).has_value());
    Outbox outbox(definition->name);
    auto reader = source_->open(definition->topics, {}, Checkpoint::of_store(from));
    for (bool end = false; !end;) {
      const auto lot = (*reader)->next({});
      ASSERT_TRUE(lot.has_value());
      for (const InputEvent& event : (*lot)->events) {
        const Handler* handler = definition->find(event.type);
        if (handler == nullptr) continue;
        outbox.begin(event, false);
        FoldRun run{.states = states_, .effects = &outbox};
        const auto folded = handler->run(handler->object.get(), event, run);
        ASSERT_TRUE(folded.has_value()) << folded.error().text();
      }
      ASSERT_TRUE(outbox.flush(*source_).has_value());
      end = (*lot)->end;
    }
  }

  /// Every state is dropped at once.
  class Dropping final : public StateAccess {
  public:
    void* open(ByteView /*key*/) override { return &state_; }
    void close(Verdict verdict) override { EXPECT_EQ(verdict, Verdict::kDrop); }

  private:
    Rekeyed state_;
  };
  Dropping states_;
};

TEST_F(RekeyTest, EventsAreCopiedUnderTheirNewKeyOnce) {
  log::NewEvent departed = new_event(Departed{"AA"});
  departed.stream = "N1";
  departed.subject = "gate 4";
  departed.time_ms = 77;
  departed.tags = {"day:1"};
  departed.extensions = {{"traceparent", "00-1"}};
  departed.headers = {{"plain", "x"}};
  append("flights", departed);
  append("flights", new_event("N1", "Boarded", "{}"));
  for (const char* at : {"JFK", "nowhere"}) {
    log::NewEvent landed = new_event(Landed{at});
    landed.stream = "N1";
    append("flights", std::move(landed));
  }
  run();
  run();
  const std::vector<log::RecordedEvent> copies = all("flights.by-carrier");
  ASSERT_EQ(copies.size(), 2u);
  const log::RecordedEvent& first = copies.front();
  const log::RecordedEvent original = all("flights").front();
  EXPECT_EQ(first.stream, "AA");
  EXPECT_EQ(first.type, "Departed");
  EXPECT_EQ(first.data, original.data);
  EXPECT_EQ(first.content_type, "application/json");
  EXPECT_EQ(first.subject, "gate 4");
  EXPECT_EQ(first.time_ms, 77);
  EXPECT_EQ(first.tags.front(), "day:1");
  EXPECT_EQ(first.headers, original.headers);
  EXPECT_EQ(first.extensions.front(), original.extensions.front());
  EXPECT_EQ(first.extensions.back(), (log::Attribute{"causationid", original.id}));
  EXPECT_EQ(copies.back().stream, "JFK-N1");
}

TEST_F(RekeyTest, WhatCannotBeAppendedIsLeftOutOrNamed) {
  const Bytes data(1, std::byte{'x'});
  std::vector<HeaderView> headers = {{"ce_stream", as_bytes("reserved")},
                                     {"ce_Upper", as_bytes("no name")},
                                     {"ce_tags", as_bytes("%zz")},
                                     {"null", std::nullopt}};
  InputEvent event{.topic = "flights", .time_ms = -1, .data = ByteView(data), .headers = headers};
  const auto copy = copied(event);
  ASSERT_TRUE(copy.has_value()) << copy.error().text();
  EXPECT_EQ(copy->headers, (std::vector<log::Attribute>{{"null", std::nullopt}}));
  EXPECT_TRUE(copy->tags.empty() && copy->extensions.empty() && copy->id.empty());
  EXPECT_FALSE(copy->time_ms.has_value());
  EXPECT_EQ(copy->data, data);
  event.time_ms = INT64_MAX;
  EXPECT_EQ(copied(event).error().code, Code::kInvalid);
}

TEST_F(RekeyTest, CopiesOfCopiesNameTheirOwnCause) {
  log::NewEvent event = new_event(Departed{"AA"});
  event.extensions = {{"causationid", "older"}, {"timer", "t"}};
  event.tags = {"effect:x/0", "command:c", "effects"};
  append("flights", std::move(event));
  run();
  const std::string tag = "effect:flights.to.flights.by-carrier/flights/0/0/0";
  EXPECT_EQ(all("flights.by-carrier").front().tags, (std::vector<std::string>{"effects", tag}));
  EXPECT_EQ(all("flights.by-carrier").front().extensions,
            (std::vector<log::Attribute>{{"causationid", all("flights").front().id}}));
}

}  // namespace
}  // namespace stele::projections
