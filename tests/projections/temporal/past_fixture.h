// Folds written by hand, a store to fold, and the model that answers are held against: the same
// folds over a plain list of events, from the beginning each time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/sources/embedded_source.h"
#include "projections/temporal/as_of.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_random.h"

namespace stele::projections {

/// Depends on the order of what was folded.
struct Tally {
  std::int64_t count = 0;
  std::int64_t mix = 0;
  void add(std::int64_t value) {
    ++count;
    mix = static_cast<std::int64_t>(static_cast<std::uint64_t>(mix) * 31 +
                                    static_cast<std::uint64_t>(value));
  }
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// An event, as the model keeps it. Its data is "color value".
struct ListedEvent {
  std::string topic;
  std::string stream;
  std::string type;
  std::string color;
  std::int64_t value = 0;
  std::int64_t time_ms = 0;
  // Told by the store.
  std::int64_t position = 0;
  std::int64_t version = 0;
  std::int64_t recorded_us = 0;

  [[nodiscard]] std::string data() const { return color + " " + std::to_string(value); }
};

/// What a fold of a test does; its handlers are for "Added", "Dropped" and "Picky", which fails
/// when the key's count is a multiple of three.
struct FoldRule {
  bool by_color = false;
  bool with_rate = false;  ///< looks the stream up in table 0
};

/// The verdict of one event over one state; both the handlers and the model ask it.
inline Verdict judge(const std::string_view type, Tally& state, std::int64_t value) {
  if (type == "Dropped") return Verdict::kDrop;
  const bool fails = type == "Picky" && state.count % 3 == 0;
  state.add(value);
  return fails ? Verdict::kUndo : Verdict::kKeep;
}

inline Result<void> run_rule(const void* object, const InputEvent& event, FoldRun& run) {
  const auto& rule = *static_cast<const FoldRule*>(object);
  const std::string_view data = as_text(*event.data);
  const std::size_t gap = data.find(' ');
  std::int64_t value = 0;
  std::from_chars(data.data() + gap + 1, data.data() + data.size(), value);
  if (rule.with_rate) {
    const void* rate = run.tables->find(0, *event.stream);
    if (rate != nullptr) value += static_cast<const Tally*>(rate)->mix;
  }
  void* state = run.states.open(rule.by_color ? as_bytes(data.substr(0, gap)) : *event.stream);
  if (state == nullptr) return {};
  const Verdict verdict = judge(event.type, *static_cast<Tally*>(state), value);
  run.states.close(verdict);
  if (verdict != Verdict::kUndo) return {};
  return std::unexpected(Error{Code::kInvalid, "picky"});
}

inline Result<void> color_of(const void*, const InputEvent& event,
                             const std::function<void(ByteView)>& take) {
  const std::string_view data = as_text(*event.data);
  take(as_bytes(data.substr(0, data.find(' '))));
  return {};
}

inline StateType tally_type() {
  StateType type;
  type.size = sizeof(Tally);
  type.align = alignof(Tally);
  type.trivial = true;
  type.construct = [](void* at) { new (at) Tally; };
  type.destroy = [](void*) {};
  type.move = [](void* to, void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.copy = [](void* to, const void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.encode = [](const void* state, Bytes& to) {
    const auto* bytes = static_cast<const std::byte*>(state);
    to.insert(to.end(), bytes, bytes + sizeof(Tally));
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    if (bytes.size() != sizeof(Tally)) return std::unexpected(Error{Code::kCorrupt, "size"});
    std::memcpy(at, bytes.data(), sizeof(Tally));
    return {};
  };
  type.print = [](const void*, std::string&) {};
  return type;
}

inline std::shared_ptr<Definition> tallies(std::string name, std::vector<std::string> topics,
                                           FoldRule rule = {}) {
  auto definition = std::make_shared<Definition>();
  definition->name = std::move(name);
  definition->topics = std::move(topics);
  definition->state = tally_type();
  definition->keyed_by_stream = !rule.by_color;
  definition->poison = PoisonPolicy::kSkip;
  const auto object = std::make_shared<const FoldRule>(rule);
  for (const char* type : {"Added", "Dropped", "Picky"})
    definition->handlers.push_back({.type = type,
                                    .object = object,
                                    .run = run_rule,
                                    .keys = rule.by_color ? color_of : nullptr});
  return definition;
}

using TallyMap = std::map<std::string, Tally>;

/// The model: folds 0 (the projection) and 1 … (its lookups) over those events of the list that
/// `belongs` says yes to. An event that fails in one of them changes none.
template <class Belongs>
std::vector<TallyMap> model_of(const Definition& definition, const std::vector<ListedEvent>& list,
                               const Belongs& belongs) {
  std::vector<TallyMap> folds(1 + definition.lookups.size());
  const auto fold = [&](const Definition& what, TallyMap& states, const ListedEvent& event) {
    if (std::ranges::find(what.topics, event.topic) == what.topics.end()) return true;
    const Handler* handler = what.find(event.type);
    if (handler == nullptr) return true;
    const auto& rule = *static_cast<const FoldRule*>(handler->object.get());
    std::int64_t value = event.value;
    if (rule.with_rate && folds[1].contains(event.stream)) value += folds[1][event.stream].mix;
    const std::string& key = rule.by_color ? event.color : event.stream;
    Tally state = states.contains(key) ? states[key] : Tally{};
    const Verdict verdict = judge(event.type, state, value);
    if (verdict == Verdict::kKeep) states[key] = state;
    if (verdict == Verdict::kDrop) states.erase(key);
    return verdict != Verdict::kUndo;
  };
  for (const ListedEvent& event : list) {
    if (!belongs(event)) continue;
    std::vector<TallyMap> before = folds;
    bool folded = true;
    for (std::size_t i = 0; folded && i < definition.lookups.size(); ++i)
      folded = fold(*definition.lookups[i], folds[1 + i], event);
    if (!folded || !fold(definition, folds[0], event)) folds = std::move(before);
  }
  return folds;
}

/// A snapshot that the model has taken.
class ModelSnapshot final : public PastStates {
public:
  ModelSnapshot(const Definition& definition, const std::vector<ListedEvent>& list,
                std::int64_t below)
      : folds_(model_of(definition, list,
                        [&](const ListedEvent& event) { return event.position < below; })) {
    mark_.checkpoint = Checkpoint::of_store(below);
    for (const ListedEvent& event : list) {
      if (event.position >= below) continue;
      ++mark_.event_count;
      mark_.event_time_ms_max = std::max(mark_.event_time_ms_max, event.time_ms);
      mark_.recorded_us_max = std::max(mark_.recorded_us_max, event.recorded_us);
    }
  }
  [[nodiscard]] const Mark& mark() const override { return mark_; }
  [[nodiscard]] Result<std::optional<Bytes>> find(std::size_t fold, const Key& key) const override {
    ++finds;
    const auto found = folds_[fold].find(std::string(as_text(key.bytes)));
    if (found == folds_[fold].end()) return std::nullopt;
    return encoded(found->second);
  }
  Result<void> for_each(
      std::size_t fold,
      const std::function<Result<void>(ByteView key, ByteView state)>& visit) const override {
    ++finds;
    std::vector<std::pair<std::uint64_t, std::string>> keys;
    for (const auto& [key, state] : folds_[fold]) keys.emplace_back(Key(as_bytes(key)).hash, key);
    std::ranges::sort(keys);
    for (const auto& [hash, key] : keys)
      STELE_DO(visit(as_bytes(key), encoded(folds_[fold].at(key))));
    return {};
  }
  mutable int finds = 0;  ///< looked into

private:
  static Bytes encoded(const Tally& tally) {
    Bytes bytes;
    tally_type().encode(&tally, bytes);
    return bytes;
  }
  Mark mark_;
  std::vector<TallyMap> folds_;
};

/// A store over the simulated disk, its events also in a list.
class PastFixture : public testing::Test {
protected:
  PastFixture() {
    auto opened = log::Store::open("/data", env_,
                                   {.journal_bytes_min = 1 << 20,
                                    .journal_bytes_max = 4 << 20,
                                    .group_bytes_max = 256 << 10,
                                    .append_bytes_max = 256 << 10});
    EXPECT_TRUE(opened.has_value());
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    source_ = std::make_unique<EmbeddedSource>(*events_);
    for (const char* topic : {"a", "b"}) EXPECT_TRUE(store_->create_topic({topic, 2, {}}));
    first_ = store_->end();
  }

  /// Of the n-th event that a test appends, from 0.
  [[nodiscard]] Position at(std::int64_t n) const { return first_.next(n); }

  /// Together, in one append.
  void append(std::vector<ListedEvent> added) {
    log::EventAppend asked;
    for (const ListedEvent& event : added) {
      const std::string text = event.data();
      const ByteView data = as_bytes(text);
      asked.events.push_back({event.topic,
                              {.stream = event.stream,
                               .type = event.type,
                               .time_ms = event.time_ms,
                               .data = Bytes(data.begin(), data.end())}});
    }
    const auto appended = events_->append(std::move(asked));
    ASSERT_TRUE(appended.has_value()) << appended.error().error.text();
    for (std::size_t i = 0; i < added.size(); ++i) {
      added[i].position = appended->events[i].position.raw();
      added[i].version = appended->events[i].version->raw();
      added[i].recorded_us = appended->recorded_us;
      list_.push_back(added[i]);
    }
    std::ranges::sort(list_, {}, &ListedEvent::position);
  }
  void append(const std::string& stream, std::int64_t value, std::int64_t time_ms = 1,
              const std::string& type = "Added", const std::string& topic = "a") {
    append({{.topic = topic,
             .stream = stream,
             .type = type,
             .color = "red",
             .value = value,
             .time_ms = time_ms}});
  }

  [[nodiscard]] Past past(const DefinitionPtr& definition) {
    return {.definition = definition, .source = source_.get(), .inputs = {InputId::store()}};
  }
  static std::optional<Tally> tally(const PastState& answer) {
    if (!answer.state) return std::nullopt;
    return *static_cast<const Tally*>(answer.state->data());
  }
  PastState state(const Past& past, const std::string& key, const Moment& moment) {
    auto answer = state_at(past, as_bytes(key), moment);
    EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().text());
    return answer ? *std::move(answer) : PastState{};
  }
  Error refused(const Past& past, const std::string& key, const Moment& moment) {
    auto answer = state_at(past, as_bytes(key), moment);
    EXPECT_FALSE(answer.has_value());
    return answer ? Error{Code::kCancelled, "it was answered"} : answer.error();
  }
  static TallyMap map_of(const PastTable& table) {
    TallyMap all;
    table.for_each([&](ByteView key, const void* state) {
      all[std::string(as_text(key))] = *static_cast<const Tally*>(state);
    });
    return all;
  }

  SimEnv env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<EmbeddedSource> source_;
  std::vector<ListedEvent> list_;
  Position first_;  ///< behind what making topics has written
};

}  // namespace stele::projections
