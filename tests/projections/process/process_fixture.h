// A store on the simulated disk that forgets event ids as soon as it can, and words for what the
// tests of projections/process do with it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/projections/process/paged_source.h"
#include "tests/support/sim_env.h"

namespace stele::projections {

inline log::StoreOptions forgetful_options(std::uint64_t tail_bytes_max = 16 << 10) {
  return {.journal_bytes_min = 1 << 20,
          .journal_bytes_max = 4 << 20,
          .group_bytes_max = 256 << 10,
          .append_bytes_max = 256 << 10,
          .index = {.tail_bytes_max = tail_bytes_max, .merge_count = 2},
          .event_id_window = std::chrono::hours(1)};
}

inline std::string text_of(const std::optional<Bytes>& data) {
  return data ? std::string(as_text(*data)) : "null";
}

inline log::NewEvent new_event(std::string stream, std::string type, std::string_view data = {}) {
  log::NewEvent event{.stream = std::move(stream), .type = std::move(type)};
  event.data.emplace(as_bytes(data).begin(), as_bytes(data).end());
  return event;
}

class ProcessFixture : public testing::Test {
protected:
  ProcessFixture() { open(); }

  void open(log::StoreOptions options = forgetful_options()) {
    source_.reset();
    events_.reset();
    store_.reset();
    auto opened = log::Store::open("/data", env_, options);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    source_ = std::make_unique<PagedSource>(*events_);
  }
  void create(const std::string& name, log::TopicSettings settings = {}) {
    const auto topic = store_->create_topic({name, 1, std::move(settings)});
    ASSERT_TRUE(topic.has_value()) << topic.error().text();
  }
  void append(const std::string& topic, log::NewEvent event) {
    const auto appended = events_->append({.events = {{topic, std::move(event)}}});
    ASSERT_TRUE(appended.has_value()) << appended.error().error.text();
  }
  /// Until the index holds no event id of before any more.
  void forget_ids() {
    const std::string probe = "probe-" + std::to_string(++probe_count_);
    append("noise", {.stream = "n", .id = probe, .type = "Noise"});
    env_.advance(std::chrono::hours(24 * 30));
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 400; ++i)
        append("noise",
               {.stream = "n", .id = probe + "-" + std::to_string(round * 1000 + i), .type = "N"});
      upkeep();
    }
    const auto again =
        events_->append({.events = {{"noise", {.stream = "n", .id = probe, .type = "Noise"}}}});
    ASSERT_TRUE(again.has_value()) << again.error().error.text();
    ASSERT_FALSE(again->duplicate) << "the store still knows the id";
  }
  void upkeep() {
    for (int i = 0; i < 50; ++i) {
      store_->maintain();
      store_->poll();
      env_.wait(std::chrono::seconds(1));
    }
  }
  std::vector<log::RecordedEvent> all(const std::string& topic) {
    auto page = events_->read({.select = log::TopicSelection{topic}, .events_max = 100'000});
    EXPECT_TRUE(page.has_value()) << page.error().text();
    return page ? std::move(page->events) : std::vector<log::RecordedEvent>{};
  }
  std::vector<std::string> types(const std::string& topic) {
    std::vector<std::string> said;
    for (const log::RecordedEvent& event : all(topic)) said.push_back(event.type);
    return said;
  }

  SimEnv env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<PagedSource> source_;
  int probe_count_ = 0;
};

/// An event that nobody stored, to be the cause of effects.
struct Cause {
  explicit Cause(std::int64_t offset, std::string id = {}) : id_(std::move(id)) {
    if (!id_.empty()) header_.push_back({"ce_id", as_bytes(id_)});
    event = {.topic = "orders",
             .partition = 3,
             .offset = Offset(offset),
             .position = Position(offset * 2),
             .recorded_us = 1'000'000 + offset * 1000,
             .time_ms = 1000 + offset,
             .type = "Placed",
             .headers = header_};
  }
  Cause(const Cause&) = delete;
  Cause& operator=(const Cause&) = delete;

  InputEvent event;

private:
  std::string id_;
  std::vector<HeaderView> header_;
};

}  // namespace stele::projections
