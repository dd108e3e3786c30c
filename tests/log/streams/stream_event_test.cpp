// The events of stream rules: what is written is read back, what is not ours is refused.
#include "log/streams/stream_event.h"

#include <gtest/gtest.h>

#include "log/format/batch_builder.h"
#include "log/format/record_batch.h"
#include "log/format/records.h"

namespace stele::log {
namespace {

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Uuid topic() {
  return Uuid::from_random(1, 2);
}

Result<Bytes> batch_of(std::string_view key, std::string_view type, std::string_view max_count) {
  const HeaderView headers[] = {{"ce_type", as_bytes(type)}, {"max_count", as_bytes(max_count)}};
  BatchBuilder builder;
  STELE_DO(builder.add({.key = as_bytes(key), .value = ByteView{}, .headers = headers}));
  return builder.finish();
}

TEST(StreamEvent, WhatIsWrittenIsReadBack) {
  const StreamRules cases[] = {
      {.max_count = 7},
      {.max_age_ms = 86'400'000},
      {.truncate_before = Version(0)},
      {.max_count = 1, .max_age_ms = 2, .truncate_before = Version(3)},
      {.tombstoned = true},
      {},
  };
  for (const StreamRules& rules : cases) {
    const StreamEvent event{
        .topic = topic(), .key = bytes_of(std::string("a\0\xff", 3)), .rules = rules};
    const auto batch = encode_stream_event(event, 5);
    ASSERT_TRUE(batch.has_value());
    const auto read = decode_stream_events(*batch);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    EXPECT_EQ(*read, std::vector{event});
  }
}

TEST(StreamEvent, WithoutRulesTheValueIsNullSoThatCompactionForgetsTheStream) {
  for (const bool empty : {true, false}) {
    StreamEvent event{.topic = topic(), .key = bytes_of("s"), .rules = {}};
    if (!empty) event.rules.max_count = 1;
    const auto batch = encode_stream_event(event, 5);
    RecordReader reader(*parse_batch_header(*batch), ByteView(*batch).subspan(kBatchHeaderBytes));
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.record().value.has_value(), !empty);
  }
}

TEST(StreamEvent, WhatIsNotOursIsCorrupt) {
  const std::string key(20, 'k');
  struct Case {
    const char* name;
    std::string key, type, max_count;
  };
  for (const Case& c : {Case{"no topic", "short", "stele.stream.limited", "1"},
                        Case{"another type", key, "stele.stream.renamed", "1"},
                        Case{"no number", key, "stele.stream.limited", "1x"},
                        Case{"a count of none", key, "stele.stream.limited", "0"}}) {
    SCOPED_TRACE(c.name);
    const auto read = decode_stream_events(*batch_of(c.key, c.type, c.max_count));
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Code::kCorrupt);
  }
  EXPECT_TRUE(decode_stream_events(*batch_of(key, "stele.stream.limited", "1")).has_value());
}

TEST(StreamRules, LimitsAreAtLeastOne) {
  EXPECT_TRUE(check_stream_rules({.max_count = 1, .max_age_ms = 1, .truncate_before = Version(0)}));
  EXPECT_EQ(check_stream_rules({.max_count = 0}).error().code, Code::kInvalid);
  EXPECT_EQ(check_stream_rules({.max_age_ms = 0}).error().code, Code::kInvalid);
  EXPECT_EQ(check_stream_rules({.truncate_before = Version(-1)}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace stele::log
