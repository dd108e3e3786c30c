#include "tests/sim/event_model.h"

#include <algorithm>

namespace stele::log {

namespace {

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

bool holds(const ExpectedVersion& expected, std::int64_t last) {
  switch (expected.kind) {
    case ExpectedVersion::Kind::kAny:
      return true;
    case ExpectedVersion::Kind::kNoStream:
      return last < 0;
    case ExpectedVersion::Kind::kExists:
      return last >= 0;
    case ExpectedVersion::Kind::kExact:
      return last == expected.version.raw();
  }
  return false;
}

bool matches(const QueryItem& item, const ModelEvent& event) {
  return (item.types.empty() || has(item.types, event.type)) &&
         (item.topics.empty() || has(item.topics, event.stream.topic)) &&
         std::ranges::all_of(item.tags, [&](const auto& tag) { return has(event.tags, tag); });
}

}  // namespace

std::int64_t EventModel::last_version(const StreamName& stream) const {
  std::int64_t last = -1;
  for (const ModelEvent& event : events)
    if (event.stream == stream) last = event.version;
  return last;
}

bool EventModel::visible(const ModelEvent& event) const {
  const auto found = rules.find(event.stream);
  if (found == rules.end()) return true;
  const StreamRules& rule = found->second;
  if (rule.tombstoned) return false;
  if (rule.truncate_before && event.version < rule.truncate_before->raw()) return false;
  return !rule.max_count || event.version > last_version(event.stream) - *rule.max_count;
}

Forecast EventModel::forecast(const EventAppend& append) const {
  Forecast forecast;
  std::size_t taken = 0;
  std::size_t with_id = 0;
  bool gone = false;
  for (const TopicEvent& one : append.events) {
    if (one.event.id.empty()) continue;
    ++with_id;
    const auto found = std::ranges::find_if(events, [&](const ModelEvent& event) {
      return event.id == one.event.id && event.stream.topic == one.topic;
    });
    if (found == events.end()) continue;
    gone = gone || found->may_be_gone;
    ++taken;
    forecast.duplicate_of.push_back(found->position);
  }
  // Its first answer cannot be read any more, nor is its id known to an index built anew.
  if (gone) {
    forecast.kind = Forecast::Kind::kOpen;
    return forecast;
  }
  if (taken != 0) {
    forecast.kind = with_id == taken ? Forecast::Kind::kDuplicate : Forecast::Kind::kTaken;
    return forecast;
  }
  const auto tombstoned = [&](const StreamName& stream) {
    const auto found = rules.find(stream);
    return found != rules.end() && found->second.tombstoned;
  };
  const bool written = std::ranges::any_of(append.events, [&](const TopicEvent& one) {
    return tombstoned({one.topic, *one.event.stream});
  });
  for (const StreamExpectation& one : append.expectations)
    if (one.expected.kind != ExpectedVersion::Kind::kAny && tombstoned(one.stream))
      forecast.kind = Forecast::Kind::kTombstoned;
  if (forecast.kind == Forecast::Kind::kTombstoned) return forecast;

  for (std::size_t i = 0; i < append.expectations.size(); ++i) {
    const StreamExpectation& one = append.expectations[i];
    if (!holds(one.expected, last_version(one.stream))) forecast.failed_expectations.push_back(i);
  }
  forecast_conditions(append, forecast);
  // A tombstoned stream that is written without being expected is looked at last.
  if (written) {
    forecast.kind = forecast.kind == Forecast::Kind::kAppended ? Forecast::Kind::kTombstoned
                                                               : Forecast::Kind::kOpen;
  }
  return forecast;
}

// Hidden events conflict as any others, gone or not: they happened.
void EventModel::forecast_conditions(const EventAppend& append, Forecast& forecast) const {
  for (std::size_t i = 0; i < append.conditions.size(); ++i) {
    const AppendCondition& one = append.conditions[i];
    const std::vector<QueryItem>& items = one.fail_if_events_match.items;
    for (std::size_t item = 0; item < items.size(); ++item) {
      const auto conflict = std::ranges::find_if(events, [&](const ModelEvent& event) {
        return (!one.after || event.position > *one.after) && matches(items[item], event);
      });
      if (conflict != events.end())
        forecast.conflicts.emplace(FailedItem{i, item}, conflict->position);
    }
  }
  if (!forecast.failed_expectations.empty() || !forecast.conflicts.empty()) {
    forecast.kind = Forecast::Kind::kRefused;
  }
}

void EventModel::scavenge() {
  for (ModelEvent& event : events) event.may_be_gone = event.may_be_gone || !visible(event);
}

void EventModel::take(const EventAppend& append, const AppendedEvents& appended) {
  for (std::size_t i = 0; i < append.events.size(); ++i) {
    const TopicEvent& one = append.events[i];
    const StreamName stream{one.topic, *one.event.stream};
    events.push_back({.stream = stream,
                      .type = one.event.type,
                      .tags = one.event.tags,
                      .id = one.event.id,
                      .version = last_version(stream) + 1,
                      .position = appended.events[i].position});
  }
  std::ranges::sort(events, {}, &ModelEvent::position);
}

}  // namespace stele::log
