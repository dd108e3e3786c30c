// Effects on their way out, and the timers of a flow.
//
//   outbox.begin(event, muted);  handler …  (or discard(), if it failed)      for each event
//   outbox.flush(source);        after the lot is folded: appended, durable
//   outbox.fire_due(now, source)
//
// An effect's id is "<projection>/<topic>/<partition>/<offset>/<n>": the causing event's place and
// the number of the effect among those of that event, from 0 (changes: "c0", "c1", …). It is the
// same at every replay, from whatever source, and for the next version of the projection, as long
// as that asks for its effects in the same order. A name belongs to one projection of a store.
//
// Exactly once. What was folded behind the last commit is folded again after a crash, an hour or a
// month later, and its effects come again. So that they don't happen again, the log itself tells
// what has left: each effect carries the tag "effect:<id>" and leaves under an append condition
// that no event has this tag. Conditions are checked where appends are sequenced, count events that
// retention or scavenge have removed, and hold for ever (event ids alone are known for a day): a
// second process, or one that slept, changes nothing either. What is refused so has left already.
// None is lost: what waits is encoded with the checkpoint that is past its cause. A source without
// EventAccess (a Kafka cluster) cannot tell: at least once there. Topics of effects are indexed.
//
// Order: effects leave in the order in which they were asked for, fired timers among them when they
// are due. Behind one that fails, all wait: the flow may go on until full(), then it stalls.
//
// Timers are state: set, replaced and cancelled by the fold, encoded with the states' checkpoint,
// taken off when they are due and their event joins what waits, or when that event is folded (its
// extension `timer` is the name). A muted event's appends are dropped, its timers set as ever.
// Thread: the fold's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/fold/effects.h"
#include "projections/fold/input_event.h"
#include "projections/sources/source.h"

namespace stele::projections {

/// More waits than this: full().
inline constexpr std::size_t kWaitingCountMax = 65'536;
inline constexpr std::size_t kWaitingBytesMax = 64 << 20;

/// True for errors of flush() that may be gone the next time (overloaded, no space, I/O, closed,
/// outcome unknown). After any other, what waits never leaves unless a person does something.
[[nodiscard]] bool may_pass(Code code);

class Outbox final : public Effects {
public:
  explicit Outbox(std::string projection) : projection_(std::move(projection)) {}

  /// Effects that follow are of this event.
  void begin(const InputEvent& event, bool muted);
  /// True if appends of the event of begin() are dropped.
  [[nodiscard]] bool muted() const { return muted_; }
  /// Takes back what the event of begin() has asked for.
  void discard();

  void append(std::string topic, log::NewEvent event) override;
  void schedule(std::string timer, std::int64_t at_ms, std::string topic,
                log::NewEvent event) override;
  void cancel(std::string_view timer) override;
  /// As append(), numbered apart, so that publishing changes leaves the other ids as they are.
  void publish(std::string topic, log::NewEvent event);

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }  ///< appends not flushed
  /// Too much waits: fold no further, flush() until it is not.
  [[nodiscard]] bool full() const;
  /// Appends what waits, in order; durable when it returns. After an error the rest still waits:
  /// call again (may_pass()), or stop; the text names the first effect that has not left.
  Result<void> flush(Source& to);

  [[nodiscard]] std::size_t timer_count() const { return timers_.size(); }
  [[nodiscard]] std::optional<std::int64_t> next_due_ms() const;
  /// Appends the events of timers that are due, earliest first, behind what waits: how many, at
  /// most kFireMax of a call. `now_ms`: the wall clock if the flow has caught up, else the recorded
  /// time of the last event folded, so that what was recorded before a timer was due has its say.
  /// Not while events are muted. Errors as flush(): they are on their way then.
  Result<std::size_t> fire_due(std::int64_t now_ms, Source& to);
  static constexpr std::size_t kFireMax = 1024;

  /// Timers and what waits; little-endian, docs/formats.md.
  void encode(Bytes& to) const;
  /// Replaces both. kCorrupt, kUnsupported (a newer format): nothing changed.
  Result<void> decode(ByteView& from);

private:
  struct Waiting {
    log::TopicEvent event;
    std::size_t bytes = 0;
  };
  struct Timer {
    std::int64_t at_ms = 0;
    std::string topic;
    Bytes event;  ///< complete, encoded: compact, as most are cancelled
  };
  using Timers = std::map<std::string, Timer, std::less<>>;

  [[nodiscard]] std::string next_id();
  void complete(log::NewEvent& event, std::string id, std::int64_t time_ms) const;
  void wait(std::string topic, log::NewEvent event);
  void pop(std::size_t count);
  void pop_back_to(std::size_t count);
  void set_timer(const std::string& name, Timer timer);
  void remove_timer(Timers::iterator timer);
  void remember(std::string_view name);
  void take_off_fired(const InputEvent& event);
  [[nodiscard]] std::vector<log::TopicEvent> first_waiting() const;
  [[nodiscard]] std::unexpected<Error> not_left(Error error) const;
  Result<void> flush_some(std::vector<log::TopicEvent> batch, EventAccess& events);
  Result<void> flush_one(EventAccess& events);
  void left_already(const std::vector<log::FailedCondition>& known);

  std::string projection_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  Timers timers_;
  std::set<std::pair<std::int64_t, std::string>> due_;  ///< (at, name) of every timer

  // Of the event of begin().
  std::string cause_;     ///< its place: "topic/partition/offset"
  std::string cause_id_;  ///< its id
  std::int64_t cause_time_ms_ = 0;
  bool muted_ = true;
  std::size_t number_ = 0;
  std::size_t change_number_ = 0;
  std::size_t waiting_before_ = 0;
  std::vector<std::pair<std::string, std::optional<Timer>>> timers_before_;  ///< oldest first
};

}  // namespace stele::projections
