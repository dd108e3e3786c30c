#include <gtest/gtest.h>

#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"

namespace stele::cloudevents {
namespace {

using log::ExpectedVersion;

TEST(RequestJson, AnAppendIsRead) {
  const log::EventAppend append = parse_append(R"({
    "topic": "orders",
    "events": [{"stream": "o-1", "type": "Placed"}, {"topic": "stock", "stream": "s-1"}],
    "expectations": [{"stream": "o-1", "expectedVersion": "no_stream"},
                     {"topic": "stock", "streambase64": "/w==", "expectedVersion": 5}],
    "conditions": [{"failIfEventsMatch": {"items": [{"types": ["A"], "tags": ["t", "u"]},
                                                    {"topics": ["orders"]}]}, "after": "123"},
                   {"failIfEventsMatch": {}}],
    "returnConflicts": true})")
                                      .value();
  ASSERT_EQ(append.events.size(), 2u);
  EXPECT_EQ(append.events[0].topic, "orders");
  EXPECT_EQ(append.events[0].event.type, "Placed");
  EXPECT_EQ(append.events[1].topic, "stock");
  ASSERT_EQ(append.expectations.size(), 2u);
  EXPECT_EQ(append.expectations[0].stream, (log::StreamName{"orders", "o-1"}));
  EXPECT_EQ(append.expectations[0].expected, ExpectedVersion::no_stream());
  EXPECT_EQ(append.expectations[1].stream, (log::StreamName{"stock", "\xFF"}));
  EXPECT_EQ(append.expectations[1].expected, ExpectedVersion::exact(Version(5)));
  ASSERT_EQ(append.conditions.size(), 2u);
  EXPECT_EQ(
      append.conditions[0].fail_if_events_match.items,
      (std::vector<log::QueryItem>{{.types = {"A"}, .tags = {"t", "u"}}, {.topics = {"orders"}}}));
  EXPECT_EQ(append.conditions[0].after, Position(123));
  EXPECT_EQ(append.conditions[1].after, std::nullopt);
  EXPECT_TRUE(append.conditions[1].fail_if_events_match.items.empty());
  EXPECT_TRUE(append.return_conflicts);
  EXPECT_FALSE(parse_append("{}").value().return_conflicts);
}

TEST(RequestJson, ExpectedVersionsAreWordsOrNumbers) {
  EXPECT_EQ(parse_expected_version("any").value(), ExpectedVersion::any());
  EXPECT_EQ(parse_expected_version("no_stream").value(), ExpectedVersion::no_stream());
  EXPECT_EQ(parse_expected_version("exists").value(), ExpectedVersion::exists());
  EXPECT_EQ(parse_expected_version("0").value(), ExpectedVersion::exact(Version(0)));
  EXPECT_EQ(parse_expected_version("9223372036854775807").value(),
            ExpectedVersion::exact(Version(INT64_MAX)));
  for (const char* text : {"", "-3", "-0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "ANY",
                           "9223372036854775808", "0x1"}) {
    EXPECT_EQ(parse_expected_version(text).error().code, Code::kInvalid) << text;
  }
}

TEST(RequestJson, FaultsOfAppendsAreNamed) {
  constexpr std::string_view kVersions = "not any, no_stream, exists or a version from 0 to 2^63-1";
  const std::string many_items = [] {
    std::string text = R"({"conditions":[{"failIfEventsMatch":{"items":[)";
    for (int i = 0; i < 65; ++i) text += i == 0 ? "{}" : ",{}";
    return text + "]}}]}";
  }();
  for (
      const auto& [json, detail] : std::vector<std::pair<std::string, std::string>>{
          {"[]", "(byte 0): not an object"},
          {R"({"conditons":[]})", "/conditons (byte 13): no such member here"},
          {R"({"events":[{"id":1}]})", "/events/0/id (byte 17): not a string"},
          {R"({"events":[{}]})", "/events/0: no topic"},
          {R"({"topic":"t","expectations":[{"stream":"s","expectedVersion":-3}]})",
           "/expectations/0/expectedVersion (byte 63): " + std::string(kVersions)},
          {R"({"topic":"t","expectations":[{"stream":"s","expectedVersion":9223372036854775808}]})",
           "/expectations/0/expectedVersion (byte 80): " + std::string(kVersions)},
          {R"({"topic":"t","expectations":[{"stream":"s"}]})",
           "/expectations/0 (byte 43): an expectation has an expectedVersion"},
          {R"({"topic":"t","expectations":[{"expectedVersion":1}]})",
           "/expectations/0 (byte 50): an expectation has one of stream and streambase64"},
          {R"({"expectations":[{"stream":"s","expectedVersion":1}]})", "/expectations/0: no topic"},
          {R"({"topic":"t","expectations":[{"stream":"s","expectedVersion":1},)"
           R"({"streambase64":"cw==","expectedVersion":2}]})",
           "/expectations/1: a second one of the same stream"},
          {R"({"conditions":[{"after":"1"}]})",
           "/conditions/0 (byte 28): a condition has a failIfEventsMatch"},
          {R"({"conditions":[{"failIfEventsMatch":{"items":[{"type":["a"]}]}}]})",
           "/conditions/0/failIfEventsMatch/items/0/type (byte 54): no such member here"},
          {R"({"conditions":[{"failIfEventsMatch":{"items":[{"types":[""]}]}}]})",
           "/conditions/0/failIfEventsMatch (byte 62): item 0: type 0 is empty"},
          {many_items, "/conditions/0/failIfEventsMatch/items/64 (byte 240): over 64 items"},
          {R"({"conditions":[{"failIfEventsMatch":{},"after":-1}]})",
           "/conditions/0/after (byte 49): not an integer from 0 to 2^63-1"},
          {R"({"conditions":[{"failIfEventsMatch":{},"after":"9223372036854775808"}]})",
           "/conditions/0/after (byte 68): not an integer from 0 to 2^63-1"},
          {R"({"returnConflicts":"yes"})", "/returnConflicts (byte 19): not true or false"},
      }) {
    const auto append = parse_append(json);
    ASSERT_FALSE(append) << json;
    EXPECT_EQ(append.error().code, Code::kInvalid);
    EXPECT_EQ(append.error().detail, detail) << json;
  }
}

TEST(RequestJson, AQueryIsRead) {
  const ParsedQuery parsed = parse_query(R"({
    "query": {"items": [{"tags": ["t"]}]}, "direction": "backward", "limit": 7, "versions": true,
    "from": {"position": "5", "recordedTime": "1970-01-01T00:00:01.000002Z",
             "time": "1970-01-01T00:00:00.003Z", "token": "abc"},
    "filter": {"types": ["A"], "tags": ["b"], "streamPrefix": "o-",
               "header": {"name": "n", "value": "v"}}})")
                                 .value();
  const log::ReadRequest& request = parsed.read;
  EXPECT_EQ(std::get<log::Query>(request.select).items,
            (std::vector<log::QueryItem>{{.tags = {"t"}}}));
  EXPECT_EQ(request.direction, log::Direction::kBackward);
  EXPECT_EQ(parsed.limit, 7);
  EXPECT_EQ(parse_query("{}").value().limit, std::nullopt);
  EXPECT_TRUE(request.versions);
  EXPECT_EQ(request.from.position, Position(5));
  EXPECT_EQ(request.from.recorded_us, 1'000'002);
  EXPECT_EQ(request.from.event_time_ms, 3);
  EXPECT_EQ(request.from.token, "abc");
  EXPECT_EQ(request.filter.types, std::vector<std::string>{"A"});
  EXPECT_EQ(request.filter.tags, std::vector<std::string>{"b"});
  EXPECT_EQ(request.filter.stream_prefix, "o-");
  EXPECT_EQ(request.filter.header, (std::pair<std::string, std::string>("n", "v")));
  for (const char* json : {R"({"limit":0})", R"({"direction":"up"})", R"({"from":{"x":1}})",
                           R"({"from":{"time":"now"}})", R"({"filter":{"header":{"value":"v"}}})",
                           R"({"filter":{"x":1}})", R"({"items":[]})"}) {
    EXPECT_EQ(parse_query(json).error().code, Code::kInvalid) << json;
  }
}

TEST(RequestJson, LimitsAreRead) {
  EXPECT_EQ(parse_limits(R"({"maxCount":"5","maxAgeMs":6,"truncateBefore":null})").value(),
            (log::StreamRules{.max_count = 5, .max_age_ms = 6}));
  EXPECT_EQ(parse_limits(R"({"truncateBefore":"9"})").value().truncate_before, Version(9));
  EXPECT_TRUE(parse_limits("{}").value().empty());
  for (const char* json : {R"({"maxCount":0})", R"({"maxAgeMs":-1})", R"({"tombstoned":true})",
                           R"({"truncateBefore":true})", "[]"}) {
    EXPECT_EQ(parse_limits(json).error().code, Code::kInvalid) << json;
  }
}

TEST(AnswerJson, PagesAppendsAndStreamsAreWritten) {
  std::string out;
  write_page_end({.end = true, .as_of = Position(9), .next = "n", .last_version = Version(4)}, out);
  EXPECT_EQ(out, R"(,"end":true,"asOf":"9","next":"n","lastVersion":"4"})");
  out.clear();
  write_appended({.events = {{.position = Position(7),
                              .partition = {{}, 2},
                              .offset = Offset(3),
                              .version = Version(0),
                              .id = "a"},
                             {.position = Position(8), .id = "b"}},
                  .recorded_us = 1,
                  .token = "t"},
                 out);
  EXPECT_EQ(out, R"({"events":[{"id":"a","position":"7","partition":2,"offset":"3","version":"0"},)"
                 R"({"id":"b","position":"8","partition":0,"offset":"0"}],)"
                 R"("recordedTime":"1970-01-01T00:00:00.000001Z","duplicate":false,"token":"t"})");
  out.clear();
  write_stream({.name = {"orders", "o-1"},
                .last_version = Version(5),
                .rules = {.max_count = 9, .tombstoned = true}},
               out);
  EXPECT_EQ(out, R"({"topic":"orders","stream":"o-1","lastVersion":"5","firstVersion":null,)"
                 R"("maxCount":"9","maxAgeMs":null,"truncateBefore":null,"tombstoned":true})");
}

TEST(AnswerJson, ProblemsSayWhatFailed) {
  std::string out;
  write_problem(Error{Code::kNotFound, "no \"orders\""}, 404, out);
  EXPECT_EQ(out, R"({"type":"/problems/not_found","title":"Not found","status":404,)"
                 R"("detail":"no \"orders\"","code":"not_found"})");
  out.clear();
  log::AppendRefusal refusal{.error = {Code::kWrongVersion, "d"}};
  refusal.expectations.push_back({.index = 1,
                                  .stream = {"orders", "o-1"},
                                  .expected = ExpectedVersion::exact(Version(3)),
                                  .actual = Version(5)});
  write_problem(refusal, out);
  EXPECT_EQ(out, R"({"type":"/problems/wrong_version","title":"Wrong version","status":412,)"
                 R"("detail":"d","code":"wrong_version","actualVersion":"5","expectations":)"
                 R"([{"index":1,"topic":"orders","stream":"o-1","expectedVersion":"3",)"
                 R"("actualVersion":"5","tombstoned":false}]})");
  out.clear();
  refusal = {.error = {Code::kConditionFailed, "d"}};
  refusal.conditions.push_back({.index = 0, .item = 2, .conflict = Position(77)});
  refusal.conflicts.emplace_back().id = "x";
  write_problem(refusal, out);
  EXPECT_TRUE(out.starts_with(
      R"({"type":"/problems/condition_failed","title":"Condition failed","status":409,"detail":"d",)"
      R"("code":"condition_failed","conditions":[{"index":0,"item":2,"position":"77"}],)"
      R"("conflicts":[{"specversion":"1.0","id":"x",)"))
      << out;
}

TEST(AnswerJson, EveryCodeHasAStatus) {
  for (int code = 0; code <= static_cast<int>(Code::kTombstoned); ++code) {
    const unsigned status = http_status(static_cast<Code>(code));
    EXPECT_GE(status, 400u);
    EXPECT_LT(status, 600u);
  }
  EXPECT_EQ(http_status(Code::kWrongVersion), 412u);
  EXPECT_EQ(http_status(Code::kConditionFailed), 409u);
  EXPECT_EQ(http_status(Code::kTombstoned), 410u);
  EXPECT_EQ(http_status(Code::kTooLarge), 413u);
  EXPECT_EQ(http_status(Code::kNoSpace), 507u);
}

}  // namespace
}  // namespace stele::cloudevents
