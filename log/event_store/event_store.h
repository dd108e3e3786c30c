// EventStore: event sourcing on a Store. Appends with expectations and conditions, reads, catch-up
// subscriptions, letting go of streams. What HTTP, gRPC and embedding programs call.
//
//   EventStore events(*store);
//   auto appended = events.append({.events = {{.topic = "orders", .event = {.stream = "o-17", .type
//   = "OrderPlaced"}}}, .expectations = {{"orders", "o-17", ExpectedVersion::no_stream()}}}); auto
//   page = events.read({.select = StreamSelection{"orders", "o-17"}});
//
// Positions order everything; a stream's versions are dense. Nothing undurable is shown.
// Threads: any, as Store. submit() answers on the thread that runs the core, like Store::submit();
// reads run on the caller's thread and may read the disk.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "log/events/event.h"
#include "log/events/query.h"
#include "log/store/store.h"

namespace stele::log {

struct EventView;

// --- appending ---

struct StreamName {
  std::string topic;
  std::string stream;  ///< the key's bytes
  friend auto operator<=>(const StreamName&, const StreamName&) = default;
};

struct TopicEvent {
  std::string topic;
  NewEvent event;
};

struct StreamExpectation {
  StreamName stream;
  ExpectedVersion expected;
};

/// All or nothing. Expectations may name streams that are not written.
struct EventAppend {
  std::vector<TopicEvent> events;
  std::vector<StreamExpectation> expectations = {};  ///< at most one for a stream
  std::vector<AppendCondition> conditions = {};
  bool return_conflicts = false;  ///< a refusal brings the conflicting events (at most 100)
};

struct AppendedEvent {
  Position position;
  TopicPartition partition;
  Offset offset;
  std::optional<Version> version;  ///< none: the event has no stream
  std::string id;
};

struct AppendedEvents {
  std::vector<AppendedEvent> events;  ///< in the order of EventAppend::events
  std::int64_t recorded_us = 0;
  bool duplicate = false;  ///< a retry: the places of the first attempt
  std::string token;       ///< stands for all up to and with this append
};

/// A failed check of an append. Exactly one of the two kinds.
struct FailedExpectation {
  std::size_t index = 0;  ///< in EventAppend::expectations
  StreamName stream;
  ExpectedVersion expected;
  std::optional<Version> actual;  ///< none: the stream does not exist
  bool tombstoned = false;
};
/// One for each item of the condition's query that an event behind `after` matches.
struct FailedCondition {
  std::size_t index = 0;  ///< in EventAppend::conditions
  std::size_t item = 0;   ///< of its query
  Position conflict;      ///< the first event behind `after` that matches the item
};

/// Why an append was refused. kWrongVersion, kConditionFailed: every failed check is named;
/// kTombstoned, kAlreadyExists (an event id is taken by something else); otherwise as AppendDone of
/// store.h.
struct AppendRefusal {
  Error error;
  std::vector<FailedExpectation> expectations = {};
  std::vector<FailedCondition> conditions = {};
  std::vector<RecordedEvent> conflicts = {};
};
using EventAppendResult = std::expected<AppendedEvents, AppendRefusal>;
using EventAppendDone = std::move_only_function<void(EventAppendResult)>;

// --- reading ---

struct AllSelection {};
struct TopicSelection {
  std::string topic;
};
struct StreamSelection {
  std::string topic;
  std::string stream;
};
/// A stream from its newest event of a type on (all of it, if there is none).
struct StreamSinceTypeSelection {
  std::string topic;
  std::string stream;
  std::string type;
};
struct TypeSelection {
  std::string type;
};
struct TagSelection {
  std::string tag;
};
using Selection = std::variant<AllSelection, TopicSelection, StreamSelection,
                               StreamSinceTypeSelection, TypeSelection, TagSelection, Query>;

enum class Direction : std::uint8_t { kForward, kBackward };

/// Where a read begins. Nothing set: at the beginning (forward) or the end (backward). What is
/// given holds together: give a page's token along with what its read began from.
struct ReadFrom {
  std::optional<Position> position;         ///< forward: at or behind it; backward: at or before it
  std::optional<Version> version;           ///< of streams only; the same
  std::optional<std::int64_t> recorded_us;  ///< recorded at or after it; backward: at or before it
  std::optional<std::int64_t> event_time_ms;  ///< events with an event time at or after it only,
                                              ///< all of them, however late they came; backward too
  std::string token;  ///< behind what the token stands for; backward: before what was given already
};

struct ReadRequest {
  Selection select;
  Direction direction = Direction::kForward;
  ReadFrom from = {};
  std::optional<Position> below = {};  ///< forward: the read ends in front of it
  EventFilter filter = {};
  std::size_t events_max = 1000;
  std::size_t bytes_max = 4 << 20;  ///< about; at least one event is given
  bool versions =
      false;  ///< versions of all events, not only of stream reads (an index lookup each)
};

/// What is said of a page besides its events.
struct PageSummary {
  std::size_t event_count = 0;
  Position last;     ///< of the last event, if there is one
  bool end = false;  ///< nothing more, as of `as_of`
  Position as_of;    ///< the store's end when the page was read
  std::string next;  ///< token: ReadFrom of the next page; also how far a quiet filter got
  std::optional<Version> last_version;   ///< stream reads: the stream's last version
  std::optional<Version> first_version;  ///< stream reads: the first one that is kept
};
struct ReadPage : PageSummary {
  std::vector<RecordedEvent> events;
};

/// Takes the events of a page one by one, as views (log/events/event_view.h) that are valid during
/// the call: for who writes them down elsewhere at once.
class EventSink {
public:
  virtual ~EventSink() = default;
  virtual void take(const EventView& event) = 0;
};

/// Walks a read page by page, forward on into what is appended later: at the end, next() gives
/// empty pages with `end` set until there is more. No event is left out or given twice. A stream
/// need not be there yet. Never blocks but for the disk.
class EventCursor {
public:
  virtual ~EventCursor() = default;
  /// The next page; bounded in work: a page may be empty and not the end (a quiet filter): its
  /// `next` has moved on. kNotFound (topic), kTombstoned, kCorrupt (place named), kIo.
  Result<ReadPage> next();
  /// The same, into `sink`; of a page that failed it may have got events, which don't count.
  virtual Result<PageSummary> next_into(EventSink& sink) = 0;
};

// --- streams ---

struct StreamInfo {
  StreamName name;
  std::optional<Version> last_version;   ///< none: no event was ever written
  std::optional<Version> first_version;  ///< the first that reads give
  StreamRules rules;                     ///< limits, tombstone
};

struct EventStoreOptions {
  std::size_t batch_cache_bytes_max = 64 << 20;  ///< decoded batches that reads keep
};

class EventStore {
public:
  /// `store` outlives it.
  explicit EventStore(Store& store, EventStoreOptions options = {});
  ~EventStore();

  [[nodiscard]] Store& store() const { return store_; }

  /// Durable when it returns.
  EventAppendResult append(EventAppend append);
  /// Answers through `done`, on the thread that runs the core; of what is refused before it gets
  /// there, inside the call. Reads heads, which may take a block from the disk.
  void submit(EventAppend append, EventAppendDone done);

  /// One page. kNotFound: the topic, or of a stream read: the stream; kTombstoned: the stream is;
  /// kUnsupported: a stream of a topic that is not indexed; kOutOfRange: past the end, or a token
  /// of a lost timeline; kInvalid; kCorrupt (place named), kIo.
  Result<ReadPage> read(const ReadRequest& request) const;
  /// The same, into `sink`; of a page that failed it may have got events, which don't count.
  Result<PageSummary> read_into(const ReadRequest& request, EventSink& sink) const;
  /// The same, page by page. Errors as read(), but a stream that is not there is one only if it
  /// `must_exist`.
  Result<std::unique_ptr<EventCursor>> open(ReadRequest request, bool must_exist = false) const;
  /// Blocks until the end is past `position` or `longest` has gone by (false).
  bool wait_for(Position position, std::chrono::nanoseconds longest) const;

  /// kNotFound: no such topic.
  Result<StreamInfo> stream(const StreamName& name) const;
  /// Max count, max age, truncate before: they hold, durable, when `done` is called. What they let
  /// go of is not read any more; scavenge removes it. kNotFound (topic), kTombstoned, kInvalid,
  /// kOverloaded.
  void set_limits(const StreamName& name, StreamRules limits, Done done);
  /// Reads give kTombstoned from now on, appends are refused, scavenge removes all its events. Also
  /// kWrongVersion.
  void tombstone(const StreamName& name, const ExpectedVersion& expected, Done done);
  /// Removes what limits and tombstones let go of from closed segments: of one topic, or of all. In
  /// the background: `done` is called on the thread that runs the core, once it is over. kNotFound
  /// (topic), kOverloaded: one is running; kClosed.
  void scavenge(const std::optional<std::string>& topic, ScavengeDone done);

  /// The token of a position: opaque, good for this store and timeline.
  [[nodiscard]] std::string token(Position next) const;
  /// kInvalid: not a token of this store; kOutOfRange: of a lost timeline, or past the end.
  [[nodiscard]] Result<Position> parse_token(std::string_view token) const;

private:
  Store& store_;
  struct State;
  std::shared_ptr<State> state_;  ///< a scavenge may end after this
};

}  // namespace stele::log
