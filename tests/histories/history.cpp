#include "tests/histories/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

namespace stele::histories {
namespace {

using log::ExpectedVersion;
using log::RecordedEvent;

/// A call seen from one stream: how many events the stream had when the call took effect.
struct Moment {
  std::int64_t began = 0;
  std::int64_t ended = 0;
  std::int64_t before = 0;  ///< events that were there
  std::int64_t after = 0;   ///< with its own
};

class Check {
public:
  Check(const std::vector<Call>& calls, const std::vector<RecordedEvent>& log) : calls_(calls) {
    for (const RecordedEvent& event : log) {
      by_position_[event.position] = &event;
      if (event.stream) by_stream_[*event.stream].push_back(&event);
      for (const std::string& tag : event.tags) by_tag_[tag].push_back(event.position);
      if (!ids_.insert(event.id).second) fault("{} is there twice", event.id);
    }
    for (const auto& [stream, events] : by_stream_)
      for (std::size_t i = 0; i < events.size(); ++i)
        if (events[i]->version != Version(static_cast<std::int64_t>(i)))
          fault("version {} of {} is {}", i, stream, events[i]->id);
  }

  std::string run() {
    std::size_t appended = 0;
    for (const Call& call : calls_) {
      if (!call.append) {
        read(call);
      } else if (*call.result) {
        appended += call.append->events.size();
        acknowledged(call, **call.result);
      } else {
        refused(call, call.result->error());
      }
    }
    if (appended != by_position_.size())
      fault("{} events were acknowledged, {} are there", appended, by_position_.size());
    for (auto& [stream, moments] : moments_) in_order(stream, moments);
    positions_in_order();
    return fault_;
  }

private:
  template <class... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    if (fault_.empty()) fault_ = fmt::format(text, std::forward<Args>(args)...);
  }

  /// Events of the stream before the position.
  std::int64_t count_before(const std::string& stream, Position position) {
    const auto& events = by_stream_[stream];
    return std::ranges::lower_bound(events, position, {}, &RecordedEvent::position) -
           events.begin();
  }

  void acknowledged(const Call& call, const log::AppendedEvents& appended) {
    const auto& asked = call.append->events;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const log::AppendedEvent& place = appended.events[i];
      const auto found = by_position_.find(place.position);
      if (found == by_position_.end() || found->second->id != asked[i].event.id ||
          found->second->version != place.version)
        return fault("{} is not at position {}", asked[i].event.id, place.position.raw());
      began_[place.position] = call.began;
    }
    const Position first = appended.events.front().position;
    const Position last = appended.events.back().position;
    placed_.push_back({call.began, call.ended, first.raw(), last.raw()});
    for (const log::StreamExpectation& one : call.append->expectations) {
      const std::int64_t count = count_before(one.stream.stream, first);
      const bool none = one.expected == ExpectedVersion::no_stream() && count == 0;
      const bool exact = one.expected.kind == ExpectedVersion::Kind::kExact &&
                         one.expected.version.raw() == count - 1;
      if (!none && !exact && one.expected != ExpectedVersion::any())
        fault("position {} was appended to {} with {} events, another version was expected",
              first.raw(), one.stream.stream, count);
    }
    for (const auto& event : asked) {
      const std::string& stream = *event.event.stream;
      moments_[stream].push_back(
          {call.began, call.ended, count_before(stream, first), count_before(stream, last.next())});
    }
    for (const log::AppendCondition& one : call.append->conditions)
      if (const auto conflict = first_match(one); conflict && *conflict < first)
        fault("position {} was appended, but {} matches its condition", first.raw(),
              conflict->raw());
  }

  std::optional<Position> first_match(const log::AppendCondition& condition) {
    const auto& positions = by_tag_[condition.fail_if_events_match.items.at(0).tags.at(0)];
    const auto found = std::ranges::upper_bound(positions, condition.after.value_or(Position(-1)));
    return found == positions.end() ? std::nullopt : std::optional(*found);
  }

  void refused(const Call& call, const log::AppendRefusal& refusal) {
    if (refusal.expectations.empty() && refusal.conditions.empty())
      return fault("refused without a reason: {}", refusal.error.text());
    for (const log::FailedExpectation& one : refusal.expectations) {
      const std::int64_t count = one.actual ? one.actual->raw() + 1 : 0;
      const ExpectedVersion& expected = call.append->expectations.at(one.index).expected;
      if (expected.kind == ExpectedVersion::Kind::kExact && expected.version.raw() == count - 1)
        fault("{} at version {} was refused, which was expected", one.stream.stream, count - 1);
      moments_[one.stream.stream].push_back({call.began, call.ended, count, count});
    }
    for (const log::FailedCondition& one : refusal.conditions) {
      const auto conflict = first_match(call.append->conditions.at(one.index));
      if (!conflict || *conflict != one.conflict)
        fault("the conflict {} is not the first that matches", one.conflict.raw());
      conflicts_.push_back({one.conflict, call.ended});
    }
  }

  void read(const Call& call) {
    const auto& events = by_stream_[call.stream];
    const bool same = call.ids.size() <= events.size() &&
                      std::ranges::equal(call.ids, std::span(events).first(call.ids.size()), {}, {},
                                         &RecordedEvent::id);
    if (!same) fault("a read of {} gave what it never was", call.stream);
    const auto count = static_cast<std::int64_t>(call.ids.size());
    moments_[call.stream].push_back({call.began, call.ended, count, count});
  }

  /// What was over before a call began is not missing in it; what began after it is not seen.
  void in_order(const std::string& stream, std::vector<Moment>& moments) {
    std::vector<Moment> by_end = moments;
    std::ranges::sort(by_end, {}, &Moment::ended);
    std::ranges::sort(moments, {}, &Moment::began);
    std::int64_t known = 0;
    std::size_t next = 0;
    for (const Moment& one : moments) {
      for (; next < by_end.size() && by_end[next].ended < one.began; ++next)
        known = std::max(known, by_end[next].after);
      if (one.before < known)
        fault("{} had {} events, then a later call finds {}", stream, known, one.before);
      if (one.before > 0 &&
          began_[by_stream_[stream][static_cast<std::size_t>(one.before) - 1]->position] >
              one.ended)
        fault("event {} of {} was seen before it was asked for", one.before - 1, stream);
    }
  }

  void positions_in_order() {
    std::vector<Moment> by_end = placed_;
    std::ranges::sort(by_end, {}, &Moment::ended);
    std::ranges::sort(placed_, {}, &Moment::began);
    std::int64_t known = -1;
    std::size_t next = 0;
    for (const Moment& one : placed_) {
      for (; next < by_end.size() && by_end[next].ended < one.began; ++next)
        known = std::max(known, by_end[next].after);
      if (one.before <= known)
        fault("position {} was acknowledged before {} was asked for", known, one.before);
    }
    for (const auto& [position, ended] : conflicts_)
      if (began_[position] > ended)
        fault("the conflict {} was seen before it was asked for", position.raw());
  }

  const std::vector<Call>& calls_;
  std::map<Position, const RecordedEvent*> by_position_;
  std::map<std::string, std::vector<const RecordedEvent*>> by_stream_;
  std::map<std::string, std::vector<Position>> by_tag_;
  std::set<std::string> ids_;
  std::map<Position, std::int64_t> began_;
  std::map<std::string, std::vector<Moment>> moments_;
  std::vector<Moment> placed_;  ///< of appends: first and last position
  std::vector<std::pair<Position, std::int64_t>> conflicts_;
  std::string fault_;
};

}  // namespace

void History::add(Call call) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
}

std::string History::check(const std::vector<RecordedEvent>& log) const {
  return Check(calls_, log).run();
}

}  // namespace stele::histories
