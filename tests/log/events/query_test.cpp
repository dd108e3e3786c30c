#include "log/events/query.h"

#include <gtest/gtest.h>

#include <random>

#include "log/events/event_facts.h"
#include "tests/log/events/records.h"

namespace stele::log {
namespace {

const RecordPlace kPlace = {.topic = "orders", .offset = Offset(4)};

/// Whether the event matches, asked of the event and of its record's facts: they agree.
bool both(const Query& query, const RecordView& record) {
  EventFacts facts;
  facts.read(record);
  const bool by_event = matches(query, read_event(kPlace, record));
  EXPECT_EQ(matches(query, facts, kPlace.topic), by_event);
  return by_event;
}
bool both(const EventFilter& filter, const RecordView& record) {
  EventFacts facts;
  facts.read(record);
  const bool by_event = matches(filter, read_event(kPlace, record));
  EXPECT_EQ(matches(filter, facts, kPlace, record), by_event);
  return by_event;
}

TEST(Query, ItemsMatchAsTheDcbSpecificationSays) {
  struct Case {
    const char* name;
    std::vector<QueryItem> items;
    bool matches;
  };
  const OneRecord record({{"ce_type", "Placed"}, {"ce_tags", "a,b"}});
  for (const Case& c : {
           Case{"no item: everything", {}, true},
           Case{"an empty item: everything", {{}}, true},
           Case{"its type", {{.types = {"Placed"}}}, true},
           Case{"one of the types", {{.types = {"Paid", "Placed"}}}, true},
           Case{"none of the types", {{.types = {"Paid"}}}, false},
           Case{"a prefix of the type", {{.types = {"Place"}}}, false},
           Case{"one of its tags", {{.tags = {"b"}}}, true},
           Case{"all of its tags, in any order", {{.tags = {"b", "a"}}}, true},
           Case{"one tag more", {{.tags = {"a", "b", "c"}}}, false},
           Case{"type and tag", {{.types = {"Placed"}, .tags = {"a"}}}, true},
           Case{"type, not tag", {{.types = {"Placed"}, .tags = {"c"}}}, false},
           Case{"tag, not type", {{.types = {"Paid"}, .tags = {"a"}}}, false},
           Case{"its topic", {{.topics = {"orders"}}}, true},
           Case{"one of the topics", {{.topics = {"x", "orders"}}}, true},
           Case{"another topic", {{.types = {"Placed"}, .topics = {"x"}}}, false},
           Case{"one of the items", {{.types = {"Paid"}}, {.tags = {"a"}}}, true},
           Case{"none of the items", {{.types = {"Paid"}}, {.tags = {"c"}}}, false},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(both(Query{c.items}, record.view()), c.matches);
  }
}

TEST(Query, FiltersNarrow) {
  struct Case {
    const char* name;
    EventFilter filter;
    bool matches;
  };
  const OneRecord record({{"ce_type", "Placed"},
                          {"ce_tags", "a,b"},
                          {"content-type", "text/plain"},
                          {"ce_region", "eu"},
                          {"retry", "1"},
                          {"retry", "2"}},
                         "order-17");
  for (const Case& c : {
           Case{"empty", {}, true},
           Case{"type", {.types = {"Paid", "Placed"}}, true},
           Case{"not the type", {.types = {"Paid"}}, false},
           Case{"tags", {.tags = {"a", "b"}}, true},
           Case{"not the tag", {.tags = {"c"}}, false},
           Case{"stream prefix", {.stream_prefix = "order-"}, true},
           Case{"empty stream prefix", {.stream_prefix = ""}, true},
           Case{"whole stream", {.stream_prefix = "order-17"}, true},
           Case{"longer than the stream", {.stream_prefix = "order-170"}, false},
           Case{"header", {.header = {{"retry", "1"}}}, true},
           Case{"second header of the name", {.header = {{"retry", "2"}}}, true},
           Case{"other value", {.header = {{"retry", "3"}}}, false},
           Case{"no such header", {.header = {{"x", ""}}}, false},
           Case{"extension", {.header = {{"ce_region", "eu"}}}, true},
           Case{"attribute", {.header = {{"ce_type", "Placed"}}}, true},
           Case{"attribute that is filled in", {.header = {{"ce_id", "orders/0/4"}}}, true},
           Case{"source that is filled in", {.header = {{"ce_source", "/topics/orders"}}}, true},
           Case{"specversion", {.header = {{"ce_specversion", "1.0"}}}, true},
           Case{"subject", {.header = {{"ce_subject", "x"}}}, false},
           Case{"time", {.header = {{"ce_time", "x"}}}, false},
           Case{"schema", {.header = {{"ce_dataschema", "x"}}}, false},
           Case{"content type", {.header = {{"content-type", "text/plain"}}}, true},
           Case{"tags as a header", {.header = {{"ce_tags", "a,b"}}}, true},
           Case{"all of it",
                {.types = {"Placed"},
                 .tags = {"b"},
                 .stream_prefix = "o",
                 .header = {{"retry", "2"}}},
                true},
           Case{"all but one", {.types = {"Placed"}, .tags = {"b"}, .stream_prefix = "x"}, false},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(both(c.filter, record.view()), c.matches);
    EXPECT_EQ(c.filter.empty(), std::string_view(c.name) == "empty");
  }
}

TEST(Query, AnEventOfNoStreamHasNoPrefix) {
  const OneRecord record(std::vector<Header>{});
  EXPECT_FALSE(both(EventFilter{.stream_prefix = ""}, record.view()));
}

TEST(Query, CheckNamesTheItemAndTheFault) {
  struct Case {
    Query query;
    const char* detail;
  };
  for (const Case& c : {
           Case{{.items = std::vector<QueryItem>(65)}, "65 items, over 64"},
           Case{{{{}, {.types = {"a", ""}}}}, "item 1: type 1 is empty"},
           Case{{{{.types = {std::string(1025, 'x')}}}},
                "item 0: type 0 has 1025 bytes, over 1024"},
           Case{{{{.tags = {""}}}}, "item 0: tag 0 is empty"},
           Case{{{{.tags = {std::string(257, 'x')}}}}, "item 0: tag 0 has 257 bytes, over 256"},
           Case{{{{.tags = {"\xFF"}}}}, "item 0: tag 0 is not UTF-8"},
           Case{{{{.topics = {""}}}}, "item 0: topic 0 is empty"},
           Case{{{{.types = std::vector<std::string>(129, "a")},
                  {.tags = std::vector<std::string>(128, "a")}}},
                "257 types, tags and topics, over 256"},
       }) {
    const auto checked = check_query(c.query);
    ASSERT_FALSE(checked) << c.detail;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().detail, c.detail);
  }
  EXPECT_TRUE(check_query({}));
  EXPECT_TRUE(check_query({std::vector<QueryItem>(64, {.types = {"a", "b"}, .tags = {"c", "d"}})}));
}

std::vector<Header> random_headers(std::mt19937_64& random) {
  const std::vector<Header> choices = {
      {"ce_type", "A"},   {"ce_type", "B"},   {"ce_type", "\xFF"}, {"ce_type", std::nullopt},
      {"ce_id", "1"},     {"ce_id", "\xC0"},  {"ce_tags", "a,b"},  {"ce_tags", "b,%61"},
      {"ce_tags", "a,,"}, {"ce_tags", "%FF"}, {"ce_tags", ""},     {"ce_tags", std::nullopt},
      {"x", "1"},         {"ce_x", "1"},      {"ce_source", "s"},  {"ce_time", "t"}};
  std::vector<Header> headers;
  for (std::size_t count = random() % 6; headers.size() < count;)
    headers.push_back(choices[random() % choices.size()]);
  return headers;
}

TEST(Query, RandomRecordsMatchTheSameAsEventAndAsFacts) {
  std::mt19937_64 random(5);
  const auto some = [&](std::vector<std::string> of) {
    std::erase_if(of, [&](const std::string&) { return random() % 2 == 0; });
    return of;
  };
  int match_count = 0;
  constexpr int kRounds = 5'000;
  for (int i = 0; i < kRounds; ++i) {
    const OneRecord record(random_headers(random),
                           random() % 2 == 0 ? std::optional<std::string>("k") : std::nullopt);
    const Query query{{{.types = some({"A", "B"}), .tags = some({"a", "b"})},
                       {.types = some({"A"}), .topics = some({"orders", "x"})}}};
    match_count += both(query, record.view()) ? 1 : 0;
    EventFilter filter{.types = some({"A", "B"}), .tags = some({"a"})};
    if (random() % 2 == 0) filter.header = {{"ce_id", "orders/0/4"}};
    match_count += both(filter, record.view()) ? 1 : 0;
  }
  EXPECT_GT(match_count, kRounds / 10);
  EXPECT_LT(match_count, 2 * kRounds - kRounds / 10);
}

}  // namespace
}  // namespace stele::log
