// A Source over an EventStore, for tests: the store is one input, a lot is a page of a few events.
// Thread: one.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/events/event_view.h"
#include "projections/sources/source.h"
#include "projections/sources/viewed_event.h"

namespace stele::projections {

/// One event as a source gives it; owner of what `event` shows.
class HeldEvent {
public:
  explicit HeldEvent(log::RecordedEvent recorded)
      : held_(std::move(recorded)), view_(held_), event(viewed_.read(view_.view())) {}
  HeldEvent(const HeldEvent&) = delete;
  HeldEvent& operator=(const HeldEvent&) = delete;

private:
  log::RecordedEvent held_;
  log::ViewOf view_;
  ViewedEvent viewed_;

public:
  InputEvent event;
};

class CountedAccess final : public EventAccess {
public:
  explicit CountedAccess(log::EventStore& store) : store_(store) {}

  log::EventAppendResult append(log::EventAppend append) override {
    ++appends;
    if (forgets_ids)
      for (log::TopicEvent& event : append.events) event.event.id.clear();
    return store_.append(std::move(append));
  }
  Result<log::PageSummary> read_into(const log::ReadRequest& request,
                                     log::EventSink& sink) override {
    ++reads;
    return store_.read_into(request, sink);
  }
  Result<Position> end() override { return store_.store().end(); }
  Result<Position> find_recorded(std::int64_t /*recorded_us*/) override { return Position(0); }
  Result<std::string> token(Position next) override { return store_.token(next); }
  Result<Position> parse_token(std::string_view token) override {
    return store_.parse_token(token);
  }

  bool forgets_ids = false;  ///< as if each append came after the store's window of ids
  int appends = 0;
  int reads = 0;

private:
  log::EventStore& store_;
};

class PagedLot final : public Lot {
public:
  void add(log::RecordedEvent recorded) {
    held_.emplace_back(std::move(recorded));
    views_.push_back(held_.back().event);
    events = views_;
  }

private:
  std::deque<HeldEvent> held_;
  std::vector<InputEvent> views_;
};

class PagedReader final : public SourceReader {
public:
  PagedReader(log::EventStore& store, std::vector<std::string> topics, std::int64_t from,
              std::size_t lot_events)
      : store_(store), topics_(std::move(topics)), next_(from), lot_events_(lot_events) {}

  Result<LotPtr> next(std::chrono::nanoseconds /*longest*/) override {
    STELE_TRY(log::ReadPage page, store_.read({.select = log::Query{{{.topics = topics_}}},
                                               .from = {.position = Position(next_)},
                                               .events_max = lot_events_}));
    auto lot = std::make_shared<PagedLot>();
    if (!page.events.empty()) next_ = page.last.raw() + 1;
    if (page.events.empty() && page.end) next_ = page.as_of.raw();
    for (log::RecordedEvent& event : page.events) lot->add(std::move(event));
    lot->next = next_;
    lot->end = page.events.empty();
    return lot;
  }

private:
  log::EventStore& store_;
  std::vector<std::string> topics_;
  std::int64_t next_;
  std::size_t lot_events_;
};

class PagedSource final : public Source {
public:
  explicit PagedSource(log::EventStore& store, std::size_t lot_events = 5)
      : store_(store), access_(store), lot_events_(lot_events) {}

  [[nodiscard]] std::string name() const override { return "store"; }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& /*topics*/) override {
    return std::vector<InputId>{InputId::store()};
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& /*inputs*/,
                                             const Checkpoint& from) override {
    return std::make_unique<PagedReader>(store_, topics, from.next(InputId::store()), lot_events_);
  }
  Result<Checkpoint> end(const std::vector<InputId>& /*inputs*/) override {
    return Checkpoint::of_store(store_.store().end().raw());
  }
  Result<std::string> token(const Checkpoint& checkpoint) override {
    return store_.token(Position(checkpoint.next(InputId::store())));
  }
  Result<Checkpoint> parse_token(std::string_view token) override {
    STELE_TRY(const Position next, store_.parse_token(token));
    return Checkpoint::of_store(next.raw());
  }
  EventAccess* events() override { return &access_; }
  Result<void> append(std::vector<log::TopicEvent> events) override {
    auto appended = store_.append({.events = std::move(events)});
    if (!appended) return std::unexpected(std::move(appended).error().error);
    return {};
  }
  [[nodiscard]] CountedAccess& access() { return access_; }

private:
  log::EventStore& store_;
  CountedAccess access_;
  std::size_t lot_events_;
};

}  // namespace stele::projections
