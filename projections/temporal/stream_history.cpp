#include "projections/temporal/stream_history.h"

#include <algorithm>
#include <deque>

#include "log/event_store/owned_events.h"
#include "projections/sources/viewed_event.h"

namespace stele::projections {
namespace {

constexpr std::size_t kMergedPageEvents = 256;

/// What is not there has no events; nor has a stream that was deleted for good: whoever reads the
/// log in order passes them over.
bool is_missing(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kTombstoned;
}

/// Pages of one stream.
class StreamPages {
public:
  StreamPages(const StreamHistory& history, const std::string& topic, Position from, Position below,
              std::size_t events_max)
      : events_(history.events),
        request_{.select = log::StreamSelection{topic, history.stream},
                 .from = {.position = from},
                 .below = below,
                 .events_max = events_max} {}

  /// False: there are no more.
  Result<bool> next(log::EventSink& sink) {
    if (over_) return false;
    const auto page = events_.read_into(request_, sink);
    if (!page && !is_missing(page.error())) return std::unexpected(page.error());
    over_ = !page || page->end;
    if (page) request_.from.token = page->next;
    return true;
  }

private:
  EventAccess& events_;
  log::ReadRequest request_;
  bool over_ = false;
};

/// Hands events on as they are read.
class TakingSink final : public log::EventSink {
public:
  TakingSink(Position below, const std::function<Result<void>(const InputEvent& event)>& take)
      : below_(below), take_(take) {}

  void take(const log::EventView& event) override {
    over_ = over_ || event.place.position >= below_;
    if (over_) return;
    result_ = take_(event_.read(event));
    over_ = !result_;
  }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] const Result<void>& result() const { return result_; }

private:
  Position below_;
  const std::function<Result<void>(const InputEvent& event)>& take_;
  ViewedEvent event_;
  Result<void> result_;
  bool over_ = false;
};

Result<void> walk_one(const StreamHistory& history, Position from, Position below,
                      const std::function<Result<void>(const InputEvent& event)>& take) {
  StreamPages pages(history, history.topics.front(), from, below, log::ReadRequest{}.events_max);
  TakingSink sink(below, take);
  for (bool more = true; more && !sink.over();) {
    STELE_TRY(more, pages.next(sink));
  }
  return sink.result();
}

/// A stream's next event, kept until its turn comes.
class StreamAhead {
public:
  StreamAhead(const StreamHistory& history, const std::string& topic, Position from, Position below)
      : pages_(history, topic, from, below, kMergedPageEvents) {}

  /// Null: there are no more. Valid until pop().
  Result<const log::RecordedEvent*> front() {
    while (ahead_.empty()) {
      log::OwnedEvents sink;
      STELE_TRY(const bool more, pages_.next(sink));
      if (!more) return nullptr;
      for (log::RecordedEvent& event : sink.release()) ahead_.push_back(std::move(event));
    }
    return &ahead_.front();
  }
  void pop() { ahead_.pop_front(); }

private:
  StreamPages pages_;
  std::deque<log::RecordedEvent> ahead_;
};

Result<StreamAhead*> first_of(std::vector<StreamAhead>& streams) {
  StreamAhead* first = nullptr;
  Position position;
  for (StreamAhead& stream : streams) {
    STELE_TRY(const log::RecordedEvent* event, stream.front());
    if (event == nullptr || (first != nullptr && event->position > position)) continue;
    first = &stream;
    position = event->position;
  }
  return first;
}

}  // namespace

Result<void> walk(const StreamHistory& history, Position from, Position below,
                  const std::function<Result<void>(const InputEvent& event)>& take) {
  if (from >= below) return {};
  if (history.topics.size() == 1) return walk_one(history, from, below, take);
  std::vector<StreamAhead> streams;
  for (const std::string& topic : history.topics) streams.emplace_back(history, topic, from, below);
  TakingSink sink(below, take);
  while (!sink.over()) {
    STELE_TRY(StreamAhead * first, first_of(streams));
    if (first == nullptr) break;
    STELE_TRY(const log::RecordedEvent* event, first->front());
    sink.take(log::ViewOf(*event).view());
    first->pop();
  }
  return sink.result();
}

Result<std::optional<Position>> behind_version(const StreamHistory& history, Version version,
                                               Position end) {
  log::OwnedEvents sink;
  const auto page = history.events.read_into(
      {.select = log::StreamSelection{history.topics.front(), history.stream},
       .from = {.version = version},
       .events_max = 1},
      sink);
  if (!page && !is_missing(page.error())) return std::unexpected(page.error());
  if (!page || !page->last_version || *page->last_version < version) return std::nullopt;
  const std::vector<log::RecordedEvent> found = sink.release();
  // What was let go of is not there to be folded: as good a place is the next one that is kept.
  if (found.empty() || found.front().version != version)
    return found.empty() ? end : std::min(end, found.front().position);
  const Position behind = found.front().position.next();
  return behind > end ? std::nullopt : std::optional(behind);
}

}  // namespace stele::projections
