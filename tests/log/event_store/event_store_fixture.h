// An EventStore over the simulated disk, and words for what tests do with it.
#pragma once

#include <gtest/gtest.h>

#include "log/event_store/event_store.h"
#include "tests/support/sim_env.h"

namespace stele::log {

class EventStoreFixture : public testing::Test {
protected:
  EventStoreFixture() { open(); }

  void open() {
    auto opened = Store::open("/data", env_,
                              {.journal_bytes_min = 1 << 20,
                               .journal_bytes_max = 4 << 20,
                               .group_bytes_max = 256 << 10,
                               .append_bytes_max = 256 << 10});
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
    events_ = std::make_unique<EventStore>(*store_);
  }
  void reopen() {
    events_.reset();
    store_.reset();
    open();
  }
  void create(const std::string& name, std::int32_t partitions = 1, TopicSettings settings = {}) {
    const auto topic = store_->create_topic({name, partitions, std::move(settings)});
    ASSERT_TRUE(topic.has_value()) << topic.error().text();
  }

  static TopicEvent event(std::string topic, std::optional<std::string> stream,
                          std::string type = "T", std::vector<std::string> tags = {},
                          std::string id = "") {
    return {std::move(topic),
            {.stream = std::move(stream),
             .id = std::move(id),
             .type = std::move(type),
             .tags = std::move(tags)}};
  }
  AppendedEvents append(EventAppend asked) {
    auto appended = events_->append(std::move(asked));
    EXPECT_TRUE(appended.has_value()) << (appended ? "" : appended.error().error.text());
    return appended ? *std::move(appended) : AppendedEvents{};
  }
  AppendRefusal refused(EventAppend asked) {
    auto appended = events_->append(std::move(asked));
    EXPECT_FALSE(appended.has_value());
    return appended ? AppendRefusal{.error = {Code::kCancelled, "it was appended"}}
                    : std::move(appended).error();
  }
  ReadPage read(ReadRequest request) {
    auto page = events_->read(request);
    EXPECT_TRUE(page.has_value()) << (page ? "" : page.error().text());
    return page ? *std::move(page) : ReadPage{};
  }
  Code read_error(const ReadRequest& request) {
    const auto page = events_->read(request);
    return page ? Code::kCancelled : page.error().code;
  }
  static std::vector<std::int64_t> positions(const std::vector<RecordedEvent>& events) {
    std::vector<std::int64_t> all;
    for (const RecordedEvent& event : events) all.push_back(event.position.raw());
    return all;
  }
  static std::vector<std::int64_t> versions(const std::vector<RecordedEvent>& events) {
    std::vector<std::int64_t> all;
    for (const RecordedEvent& event : events)
      all.push_back(event.version ? event.version->raw() : -1);
    return all;
  }

  SimEnv env_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EventStore> events_;
};

}  // namespace stele::log
