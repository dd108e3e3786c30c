#include "log/events/event_time.h"

#include <gtest/gtest.h>

#include <random>

namespace stele::log {
namespace {

std::string ms_text(std::int64_t time_ms) {
  std::string text;
  append_time_ms(text, time_ms);
  return text;
}

std::string us_text(std::int64_t time_us) {
  std::string text;
  append_time_us(text, time_us);
  return text;
}

TEST(EventTime, Rfc3339IsRead) {
  struct Case {
    const char* text;
    std::int64_t time_us;
  };
  for (const Case& c : {
           Case{"1970-01-01T00:00:00Z", 0},
           Case{"2013-01-01T05:17:00Z", 1'357'017'420'000'000},
           Case{"2013-01-01t05:17:00z", 1'357'017'420'000'000},
           Case{"2013-01-01 05:17:00Z", 1'357'017'420'000'000},
           Case{"2013-01-01T06:17:00+01:00", 1'357'017'420'000'000},
           Case{"2013-01-01T00:17:00-05:00", 1'357'017'420'000'000},
           Case{"2013-01-01T05:17:00-00:00", 1'357'017'420'000'000},
           Case{"2013-01-01T05:17:00.1Z", 1'357'017'420'100'000},
           Case{"2013-01-01T05:17:00.123456Z", 1'357'017'420'123'456},
           Case{"2013-01-01T05:17:00.123456789Z", 1'357'017'420'123'456},
           Case{"2016-12-31T23:59:60Z", 1'483'228'800'000'000},
           Case{"2012-02-29T12:00:00Z", 1'330'516'800'000'000},
           Case{"1969-12-31T23:59:59.999Z", -1'000},
           Case{"0000-01-01T00:00:00Z", kTimeMsMin * 1'000},
           Case{"9999-12-31T23:59:59.999Z", kTimeMsMax * 1'000},
       }) {
    EXPECT_EQ(parse_time_us(c.text).value(), c.time_us) << c.text;
  }
  EXPECT_EQ(parse_time_ms("2013-01-01T05:17:00.1239Z").value(), 1'357'017'420'123);
  EXPECT_EQ(parse_time_ms("1969-12-31T23:59:59.9999Z").value(), -1);
}

TEST(EventTime, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"",
        "now",
        "2013-01-01",
        "2013-01-01T05:17Z",
        "2013-01-01T05:17:00",
        "2013-1-01T05:17:00Z",
        "2013-00-01T05:17:00Z",
        "2013-13-01T05:17:00Z",
        "2013-02-29T05:17:00Z",
        "2013-01-32T05:17:00Z",
        "2013-01-01T24:00:00Z",
        "2013-01-01T05:60:00Z",
        "2013-01-01T05:17:61Z",
        "2013-01-01T05:17:00.Z",
        "2013-01-01T05:17:00.12",
        "2013-01-01T05:17:00+0100",
        "2013-01-01T05:17:00+24:00",
        "2013-01-01T05:17:00+01:60",
        "2013-01-01T05:17:00ZZ",
        " 2013-01-01T05:17:00Z",
        "-013-01-01T05:17:00Z",
        "2013-01-01T05:17:00,5Z",
        "12013-01-01T05:17:00Z",
        "2013-01-01T05:17:00.0000000000000000000000000000000000000000000000001Z"}) {
    EXPECT_EQ(parse_time_ms(text).error().code, Code::kInvalid) << text;
  }
}

TEST(EventTime, IsWrittenWithItsPrecision) {
  EXPECT_EQ(ms_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ms_text(1'357'017'420'000), "2013-01-01T05:17:00Z");
  EXPECT_EQ(ms_text(1'357'017'420'007), "2013-01-01T05:17:00.007Z");
  EXPECT_EQ(ms_text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(us_text(1'357'017'420'000'000), "2013-01-01T05:17:00.000000Z");
  EXPECT_EQ(us_text(1'357'017'420'000'042), "2013-01-01T05:17:00.000042Z");
}

TEST(EventTime, WhatCannotBeWrittenIsWrittenAsTheNearest) {
  EXPECT_EQ(ms_text(INT64_MAX), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(ms_text(INT64_MIN), "0000-01-01T00:00:00Z");
  EXPECT_EQ(us_text(INT64_MAX), "9999-12-31T23:59:59.999999Z");
}

TEST(EventTime, RandomTimesReadAsTheyWereWritten) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto span = static_cast<std::uint64_t>(kTimeMsMax - kTimeMsMin);
    const std::int64_t time_ms = kTimeMsMin + static_cast<std::int64_t>(random() % span);
    ASSERT_EQ(parse_time_ms(ms_text(time_ms)).value(), time_ms);
    ASSERT_EQ(parse_time_us(us_text(time_ms * 1'000 + 7)).value(), time_ms * 1'000 + 7);
  }
}

}  // namespace
}  // namespace stele::log
