// Tests of a projection, in any test framework: given events, then state.
//
//   EXPECT_EQ(given(accounts)
//                 .event("acc-7", Opened{})
//                 .event("acc-7", Deposited{500}, at_ms)
//                 .then("acc-7", Account{500, true})
//                 .replay_equal().restart_every(1).shuffled_times(seed)
//                 .findings(), "");
//
// Every step that does not hold adds lines to findings(), with the states as JSON: empty text means
// that all is well. Steps look at the events given so far, so that then() may stand between them.
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "projections/fold/projection.h"
#include "projections/testkit/fold_scene.h"

namespace stele::projections {

/// What of given() needs no type.
class GivenScene {
public:
  explicit GivenScene(DefinitionPtr definition);

  void add(GivenEvent event);
  void set_topic(std::string topic) { topic_ = std::move(topic); }
  [[nodiscard]] const std::string& topic() const { return topic_; }

  void expect_state(const std::string& key, const StateBox* wanted);
  void expect_poison(std::string_view part);
  /// The next effect that no earlier call has named.
  void expect_effect(const GivenEffect& wanted);
  void expect_no_more_effects();
  void expect_replay_equal();
  void expect_restarts(std::size_t every);
  void expect_shuffled_times(std::uint64_t seed);
  void expect_golden(const std::string& path);

  /// With what nobody expected: poison events.
  [[nodiscard]] std::string findings() const;
  [[nodiscard]] const Definition& definition() const { return *definition_; }

private:
  /// All events so far, folded; null: the definition is wrong, findings() says so.
  const Outcome* outcome();
  std::optional<Outcome> fold(const std::vector<GivenEvent>& events, const SceneOptions& options);
  void find(std::string_view step, std::string_view what);

  DefinitionPtr definition_;
  std::string topic_;
  std::vector<GivenEvent> events_;
  std::optional<Outcome> outcome_;
  std::size_t effects_seen_ = 0;
  std::vector<std::string> poison_expected_;
  std::string findings_;
};

template <class S>
class Given {
public:
  explicit Given(const Projection<S>& projection) : scene_(projection.definition()) {}

  /// Topic of the events that follow; at first: the projection's first.
  Given& in(std::string topic) {
    scene_.set_topic(std::move(topic));
    return *this;
  }
  /// An event of a stream. Event time: `at_ms`, else that of its recording.
  template <WritableEvent E>
  Given& event(std::string stream, const E& event,
               std::optional<std::int64_t> at_ms = std::nullopt) {
    log::NewEvent made = new_event(event);
    GivenEvent given{.topic = scene_.topic(),
                     .stream = std::move(stream),
                     .type = std::move(made.type),
                     .time_ms = at_ms};
    if (made.data) given.data = std::string(as_text(*made.data));
    scene_.add(std::move(given));
    return *this;
  }
  /// The same, its data as it stands in the log.
  Given& event(std::string stream, std::string type, std::string data,
               std::optional<std::int64_t> at_ms = std::nullopt) {
    scene_.add({.topic = scene_.topic(),
                .stream = std::move(stream),
                .type = std::move(type),
                .data = std::move(data),
                .time_ms = at_ms});
    return *this;
  }
  /// Any event.
  Given& event(GivenEvent event) {
    scene_.add(std::move(event));
    return *this;
  }

  /// The key's state is this one, to the byte.
  Given& then(const std::string& key, const S& wanted) {
    const StateBox box(scene_.definition().state, &wanted);
    scene_.expect_state(key, &box);
    return *this;
  }
  /// The key has no state.
  Given& then_nothing(const std::string& key) {
    scene_.expect_state(key, nullptr);
    return *this;
  }
  /// An event was poison, for a reason that has this text in it.
  Given& then_poison(std::string_view part) {
    scene_.expect_poison(part);
    return *this;
  }
  /// The next effect: the event is appended.
  template <WritableEvent E>
  Given& then_append(std::string topic, const E& event) {
    scene_.expect_effect({.topic = std::move(topic), .event = new_event(event)});
    return *this;
  }
  template <WritableEvent E>
  Given& then_schedule(std::string timer, std::int64_t at_ms, std::string topic, const E& event) {
    scene_.expect_effect({.kind = GivenEffect::Kind::kSchedule,
                          .timer = std::move(timer),
                          .at_ms = at_ms,
                          .topic = std::move(topic),
                          .event = new_event(event)});
    return *this;
  }
  Given& then_cancel(std::string timer) {
    scene_.expect_effect({.kind = GivenEffect::Kind::kCancel, .timer = std::move(timer)});
    return *this;
  }
  Given& then_no_more_effects() {
    scene_.expect_no_more_effects();
    return *this;
  }

  /// Folded twice more, the second time after one of half the events: the same states and effects.
  Given& replay_equal() {
    scene_.expect_replay_equal();
    return *this;
  }
  /// All states go through their codec after every `count` events: nothing changes by it.
  Given& restart_every(std::size_t count) {
    scene_.expect_restarts(count);
    return *this;
  }
  /// The same events recorded in another order: as of each event time the same states.
  Given& shuffled_times(std::uint64_t seed) {
    scene_.expect_shuffled_times(seed);
    return *this;
  }
  /// The states, a line of "key<tab>JSON" each, are those of the file. If it is not there it is
  /// written, which is a finding: look at it.
  Given& golden(const std::string& path) {
    scene_.expect_golden(path);
    return *this;
  }

  /// Empty: all is well.
  [[nodiscard]] std::string findings() const { return scene_.findings(); }

private:
  GivenScene scene_;
};

template <class S>
[[nodiscard]] Given<S> given(const Projection<S>& projection) {
  return Given<S>(projection);
}

}  // namespace stele::projections
