// A box office: seats are sold through an event store in this process, no server. Shows an expected
// version, an append condition, reads, and a subscription; a second run finds what the first has
// left.
//
//   embedded FOLDER
#include <log/event_store/event_store.h>
#include <log/event_store/subscription.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace {

using stele::Code;
using stele::Result;
using stele::Version;
using stele::log::EventAppend;
using stele::log::EventAppendResult;
using stele::log::EventStore;
using stele::log::ExpectedVersion;
using stele::log::NewEvent;
using stele::log::Query;
using stele::log::ReadPage;
using stele::log::RecordedEvent;
using stele::log::Store;
using stele::log::StreamSelection;
using stele::log::Subscription;
using stele::log::SubscriptionNews;
using stele::log::TagSelection;

constexpr const char* kTopic = "bookings";

NewEvent event_of(const std::string& stream, const std::string& type, const std::string& seat) {
  NewEvent event;
  event.stream = stream;
  event.type = type;
  event.tags = {"seat:" + seat};
  event.content_type = "application/json";
  const stele::ByteView data = stele::as_bytes(R"({"price":12})");
  event.data.emplace(data.begin(), data.end());
  return event;
}

/// A booking is a stream of its own: nobody else may have begun it.
EventAppendResult open_booking(EventStore& events, const std::string& booking,
                               const std::string& seat) {
  EventAppend append;
  append.events = {{kTopic, event_of(booking, "BookingOpened", seat)}};
  append.expectations = {{{kTopic, booking}, ExpectedVersion::no_stream()}};
  return events.append(std::move(append));
}

/// What no stream can say alone: the seat is sold once, whoever's booking it is. The booking must
/// stand where we have read it.
EventAppendResult sell_seat(EventStore& events, const std::string& booking, Version at,
                            const std::string& seat) {
  EventAppend append;
  append.events = {{kTopic, event_of(booking, "SeatSold", seat)}};
  append.expectations = {{{kTopic, booking}, ExpectedVersion::exact(at)}};
  append.conditions = {{Query{{{{"SeatSold"}, {"seat:" + seat}, {}}}}, {}}};
  return events.append(std::move(append));
}

void print(const char* what, const RecordedEvent& event) {
  std::printf("%s: %s %s, version %lld\n", what, event.stream->c_str(), event.type.c_str(),
              static_cast<long long>(event.version.value_or(Version(-1)).raw()));
}

Result<void> sell(EventStore& events) {
  for (const char* booking : {"b-1", "b-2"}) {
    const EventAppendResult opened = open_booking(events, booking, "4");
    if (!opened) return std::unexpected(opened.error().error);
    // Durable here, and visible to every reader.
  }
  const EventAppendResult sold = sell_seat(events, "b-1", Version(0), "4");
  if (!sold) return std::unexpected(sold.error().error);

  const EventAppendResult again = sell_seat(events, "b-2", Version(0), "4");
  if (again || again.error().error.code != Code::kConditionFailed)
    std::printf("seat 4 was sold twice!\n");
  else
    std::printf("refused: sold at position %lld\n",
                static_cast<long long>(again.error().conditions.front().conflict.raw()));
  return {};
}

Result<void> read_back(const EventStore& events) {
  STELE_TRY(const ReadPage booking, events.read({.select = StreamSelection{kTopic, "b-1"}}));
  for (const RecordedEvent& event : booking.events) print("booking", event);
  STELE_TRY(const ReadPage seat, events.read({.select = TagSelection{"seat:4"}, .versions = true}));
  for (const RecordedEvent& event : seat.events) print("seat", event);
  return {};
}

/// All there is of the topic, then what comes: here from the same thread, elsewhere from any other.
Result<int> follow(EventStore& events) {
  STELE_TRY(
      Subscription subscription,
      Subscription::open(events, {.select = stele::log::TopicSelection{kTopic}, .versions = true}));
  int count = 0;
  for (bool live = false; !live;) {
    STELE_TRY(const SubscriptionNews news, subscription.poll());
    count += static_cast<int>(news.events.size());
    live = news.caught_up;
  }
  const EventAppendResult told = open_booking(events, "b-" + std::to_string(count), "5");
  if (!told) return std::unexpected(told.error().error);
  while (events.wait_for(subscription.next(), std::chrono::seconds(5))) {
    STELE_TRY(const SubscriptionNews news, subscription.poll());
    for (const RecordedEvent& event : news.events) print("live", event);
    if (!news.events.empty()) break;
  }
  return count;
}

Result<int> run(const std::string& folder) {
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(folder));
  EventStore events(*store);
  if (!store->find_topic(kTopic)) {
    STELE_DO(store->create_topic({.name = kTopic, .partition_count = 4, .settings = {}}));
    STELE_DO(sell(events));
  }
  STELE_DO(read_back(events));
  STELE_TRY(const int count, follow(events));
  // Without it the next start has more to replay, no more.
  STELE_DO(store->close());
  return count;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: embedded FOLDER\n");
    return 2;
  }
  const Result<int> count = run(arguments[1]);
  if (!count) {
    std::fprintf(stderr, "%s\n", count.error().text().c_str());
    return 1;
  }
  std::printf("%d events before\n", *count);
  return 0;
}
