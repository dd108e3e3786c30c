// What is written by hand reads, with the generated classes, as what the store says.
#include "server/grpc/encode.h"

#include <gtest/gtest.h>

#include <stele/v1/event_store.pb.h>
#include "log/events/event_record.h"
#include "tests/log/events/records.h"

namespace stele::rpc {
namespace {

using log::Header;
using log::OneRecord;

log::RecordPlace place(const std::string& topic, std::int64_t position) {
  return {.topic = topic,
          .partition = {Uuid::from_random(1, 2), 3},
          .offset = Offset(position / 2),
          .position = Position(position),
          .recorded_us = 1'700'000'000'000'000 + position};
}

/// Everything but names that are not UTF-8 is as it was.
void expect_same(const v1::EventBatch& batch, int index, const log::RecordedEvent& event) {
  const v1::RecordedEvent& read = batch.events(index);
  EXPECT_EQ(batch.topics(static_cast<int>(read.topic_index())), event.topic);
  EXPECT_EQ(read.position(), static_cast<std::uint64_t>(event.position.raw()));
  EXPECT_EQ(read.partition(), static_cast<std::uint32_t>(event.partition.partition));
  EXPECT_EQ(read.offset(), static_cast<std::uint64_t>(event.offset.raw()));
  EXPECT_EQ(read.recorded_us(), static_cast<std::uint64_t>(event.recorded_us));
  EXPECT_EQ(read.time_ms(), event.time_ms);
  EXPECT_EQ(read.has_version(), event.version.has_value());
  if (event.version) EXPECT_EQ(read.version(), static_cast<std::uint64_t>(event.version->raw()));
  EXPECT_EQ(read.has_stream() ? std::optional(read.stream()) : std::nullopt, event.stream);
  EXPECT_EQ(read.has_data(), event.data.has_value());
  if (event.data) EXPECT_EQ(read.data(), as_text(*event.data));
  EXPECT_EQ(read.id(), event.id);
  EXPECT_EQ(read.type(), event.type);
  EXPECT_EQ(read.source(), event.source);
  EXPECT_EQ(read.subject(), event.subject);
  EXPECT_EQ(read.content_type(), event.content_type);
  EXPECT_EQ(read.data_schema(), event.data_schema);
  EXPECT_EQ(read.time_text(), event.time_text);
  EXPECT_EQ(std::vector<std::string>(read.tags().begin(), read.tags().end()), event.tags);
  const auto attributes = [](const auto& list) {
    std::vector<log::Attribute> all;
    for (const v1::Attribute& one : list)
      all.push_back({one.name(), one.has_value() ? std::optional(one.value()) : std::nullopt});
    return all;
  };
  EXPECT_EQ(attributes(read.extensions()), event.extensions);
  EXPECT_EQ(attributes(read.headers()), event.headers);
}

v1::EventBatch parsed(WireWriter& written) {
  v1::ReadResponse response;
  const std::string_view bytes = written.view();
  EXPECT_TRUE(response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return response.batch();
}

TEST(Encode, ViewsAndValuesOfEventsAreWrittenAsTheyAre) {
  const std::string first_topic = "orders";
  const std::string second_topic = "b\xC3\xA4";
  const std::vector<OneRecord> records = [] {
    std::vector<OneRecord> all;
    all.emplace_back(std::vector<Header>{});
    all.emplace_back(std::vector<Header>{{"ce_type", "T"}, {"ce_id", "id-1"}}, "stream", "data");
    all.emplace_back(std::vector<Header>{{"ce_specversion", "1.0"},
                                         {"ce_source", "/x"},
                                         {"ce_subject", "s"},
                                         {"ce_time", "2013-01-01T00:00:00Z"},
                                         {"ce_dataschema", "d"},
                                         {"content-type", "text/plain"},
                                         {"ce_tags", "a,b%2Cc"},
                                         {"ce_ext", "1"},
                                         {"ce_none", std::nullopt},
                                         {"plain", "\xFF"},
                                         {"plain", std::nullopt}},
                     "", "", 1'357'000'000'000);
    all.emplace_back(std::vector<Header>{{"ce_id", "\xFF"}}, std::string(300, '\xFE'),
                     std::string(100'000, 'x'));
    return all;
  }();
  std::vector<log::RecordedEvent> values;
  log::EventReader reader;
  WireWriter views;
  BatchWriter batch(views, v1::ReadResponse::kBatchFieldNumber);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto at = place(i == 2 ? second_topic : first_topic, static_cast<std::int64_t>(i) << 20);
    const auto version = i == 1 ? std::optional(Version(0)) : std::nullopt;
    values.push_back(read_event(at, records[i].view()));
    values.back().version = version;
    batch.take(reader.read(at, records[i].view(), version));
  }
  batch.finish();
  WireWriter written;
  write_batch(written, v1::ReadResponse::kBatchFieldNumber, values);
  EXPECT_EQ(views.view(), written.view());
  const v1::EventBatch read = parsed(views);
  ASSERT_EQ(read.events_size(), static_cast<int>(values.size()));
  EXPECT_EQ(read.topics_size(), 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(read, static_cast<int>(i), values[i]);
  }
}

TEST(Encode, ABatchHoldsAsManyEventsAsItMay) {
  const OneRecord record(std::vector<Header>{});
  const std::string topic = "orders";
  log::EventReader reader;
  WireWriter written;
  BatchWriter batch(written, v1::ReadResponse::kBatchFieldNumber, 2);
  for (int i = 0; i < 3; ++i) batch.take(reader.read(place(topic, i), record.view()));
  batch.finish();
  EXPECT_EQ(batch.count(), 2u);
  EXPECT_EQ(parsed(written).events_size(), 2);
  WireWriter none;
  BatchWriter(none, v1::ReadResponse::kBatchFieldNumber).finish();
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace stele::rpc
