// Folds written by hand, a store on the simulated disk, and words for what tests of flows do.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/event_store/event_store.h"
#include "projections/flow/flow_task.h"
#include "projections/fold/state_codec.h"
#include "projections/sources/embedded_source.h"
#include "tests/support/sim_env.h"

namespace stele::projections {

/// Depends on the order of what was folded.
struct Tally {
  std::int64_t count = 0;
  std::int64_t mix = 0;
};
/// The same with memory of its own: undoing it is not for free.
struct Trail {
  std::int64_t count = 0;
  std::int64_t mix = 0;
  std::string last;
};

inline std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// How a fold of a test behaves; may change between two openings of a flow.
struct FoldRules {
  bool fails = true;          ///< events of type "Poison" fail, after they have changed the state
  bool by_keys = false;       ///< keys stand in the data, as "a,b 17", instead of the stream
  bool looks_up = false;      ///< adds the stream's count in table 0
  std::string effect_topic;   ///< an effect for each event; empty: none
  bool effect_first = false;  ///< it is asked for before an event can fail
  std::function<void(const InputEvent&)> seen = {};
};

template <class State>
void fold_into(State& state, const InputEvent& event, std::int64_t number) {
  ++state.count;
  state.mix = static_cast<std::int64_t>(static_cast<std::uint64_t>(state.mix) * 31 +
                                        static_cast<std::uint64_t>(number));
  if constexpr (requires { state.last; }) state.last = event.type;
}

inline std::vector<std::string_view> keys_in(std::string_view data) {
  std::vector<std::string_view> keys;
  for (std::string_view left = data.substr(0, data.find(' ')); !left.empty();) {
    const std::size_t comma = left.find(',');
    keys.push_back(left.substr(0, comma));
    left = comma == std::string_view::npos ? std::string_view() : left.substr(comma + 1);
  }
  return keys;
}

inline std::int64_t number_of(const FoldRules& rules, const InputEvent& event, FoldRun& run) {
  const std::string_view data = as_text(*event.data);
  std::int64_t number = number_in(rules.by_keys ? data.substr(data.find(' ') + 1) : data);
  if (!rules.looks_up) return number;
  const auto* found = static_cast<const Tally*>(run.tables->find(0, *event.stream));
  return number + (found != nullptr ? found->count : 0);
}

template <class State>
Result<void> run_rules(const void* object, const InputEvent& event, FoldRun& run) {
  const auto& rules = **static_cast<const std::shared_ptr<FoldRules>*>(object);
  if (rules.seen) rules.seen(event);
  const std::string_view data = as_text(*event.data);
  const auto keys =
      rules.by_keys ? keys_in(data) : std::vector<std::string_view>{as_text(*event.stream)};
  const std::int64_t number = number_of(rules, event, run);
  const bool fails = event.type == "Poison" && rules.fails;
  if (rules.effect_first) run.effects->append(rules.effect_topic, {.type = "Noticed"});
  // Tried on all keys before the first is kept.
  for (const bool is_trial : {true, false}) {
    if (is_trial && keys.size() == 1) continue;
    for (const std::string_view key : keys) {
      void* state = run.states.open(as_bytes(key));
      if (state == nullptr) continue;
      fold_into(*static_cast<State*>(state), event, number);
      run.states.close(fails || is_trial         ? Verdict::kUndo
                       : event.type == "Dropped" ? Verdict::kDrop
                                                 : Verdict::kKeep);
      if (fails) return std::unexpected(Error{Code::kInvalid, "it does not agree with me"});
    }
  }
  if (!rules.effect_topic.empty() && !rules.effect_first)
    run.effects->append(rules.effect_topic,
                        {.stream = std::string(as_text(*event.stream)), .type = "Noticed"});
  return {};
}

inline Result<void> keys_of_rules(const void*, const InputEvent& event,
                                  const std::function<void(ByteView)>& take) {
  for (const std::string_view key : keys_in(as_text(*event.data))) take(as_bytes(key));
  return {};
}

using RulesPtr = std::shared_ptr<FoldRules>;

/// Handles "Added", "Dropped" and "Poison".
template <class State = Tally>
std::shared_ptr<Definition> tallies(std::string name, std::vector<std::string> topics,
                                    RulesPtr rules = std::make_shared<FoldRules>()) {
  auto definition = std::make_shared<Definition>();
  definition->name = std::move(name);
  definition->topics = std::move(topics);
  definition->state = state_type_of<State>();
  definition->keyed_by_stream = !rules->by_keys;
  definition->has_effects = !rules->effect_topic.empty();
  const auto object = std::make_shared<const RulesPtr>(rules);
  for (const char* type : {"Added", "Dropped", "Poison"}) {
    Handler handler{.type = type, .object = object, .run = run_rules<State>};
    if (rules->by_keys) handler.keys = keys_of_rules;
    definition->handlers.push_back(std::move(handler));
  }
  return definition;
}

/// Every key with the bytes of its state.
inline std::map<std::string, Bytes> dumped(const FlowTask& task, const Definition& definition,
                                           std::size_t fold = 0) {
  std::map<std::string, Bytes> all;
  const auto done = task.states().dump(fold, [&](ByteView key, const void* state) {
    Bytes& bytes = all[std::string(as_text(key))];
    definition.state.encode(state, bytes);
  });
  EXPECT_TRUE(done.has_value());
  return all;
}

inline std::vector<InputId> inputs_of(Source& source, const Definition& definition) {
  auto inputs = source.inputs(definition.topics);
  EXPECT_TRUE(inputs.has_value()) << inputs.error().text();
  return inputs.value_or(std::vector<InputId>{});
}

inline std::unique_ptr<FlowTask> open_task(DefinitionPtr definition, Source& source, Env& env,
                                           FlowTaskOptions options = {.folder = "/flow"}) {
  auto inputs = inputs_of(source, *definition);
  auto task =
      FlowTask::open(std::move(definition), source, std::move(inputs), env, std::move(options));
  EXPECT_TRUE(task.has_value()) << task.error().text();
  return task ? *std::move(task) : nullptr;
}

/// Until it has caught up; what step() said if that was an error.
inline Result<void> fold_all(FlowTask& task) {
  for (;;) {
    const auto stepped = task.step(std::chrono::nanoseconds::zero());
    if (!stepped) return std::unexpected(stepped.error());
    if (*stepped) return {};
  }
}

/// Of flows whose states are, or begin with, a Tally.
inline Tally tally(const FlowTask& task, std::string_view key) {
  Tally found;
  const auto at = task.read(as_bytes(key), [&](const void* state) {
    if (state != nullptr) found = *static_cast<const Tally*>(state);
  });
  EXPECT_TRUE(at.has_value()) << at.error().text();
  return found;
}

class FlowFixture : public testing::Test {
protected:
  FlowFixture() { open_store(); }

  void open_store() {
    source_.reset();
    events_.reset();
    store_.reset();
    auto opened = log::Store::open("/data", env_,
                                   {.journal_bytes_min = 1 << 20,
                                    .journal_bytes_max = 4 << 20,
                                    .group_bytes_max = 256 << 10,
                                    .append_bytes_max = 256 << 10});
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    source_ = std::make_unique<EmbeddedSource>(*events_, EmbeddedSourceOptions{lot_bytes_});
  }
  void create(const std::string& topic, std::int32_t partitions = 1) {
    const auto made = store_->create_topic({topic, partitions, {}});
    ASSERT_TRUE(made.has_value()) << made.error().text();
  }
  /// Its position.
  std::int64_t add(const std::string& topic, const std::string& stream, const std::string& type,
                   std::string_view data = "1") {
    log::NewEvent event{.stream = stream, .type = type};
    event.data.emplace(as_bytes(data).begin(), as_bytes(data).end());
    const auto appended = events_->append({.events = {{topic, std::move(event)}}});
    EXPECT_TRUE(appended.has_value()) << appended.error().error.text();
    return appended ? appended->events.front().position.raw() : -1;
  }
  std::unique_ptr<FlowTask> open(DefinitionPtr definition,
                                 FlowTaskOptions options = {.folder = "/flow"}) {
    return open_task(std::move(definition), *source_, env_, std::move(options));
  }
  std::vector<log::RecordedEvent> all(const std::string& topic) {
    auto page = events_->read({.select = log::TopicSelection{topic}, .events_max = 100'000});
    EXPECT_TRUE(page.has_value()) << page.error().text();
    return page ? std::move(page->events) : std::vector<log::RecordedEvent>{};
  }
  SimEnv env_;
  std::size_t lot_bytes_ = 512 << 10;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<EmbeddedSource> source_;
};

}  // namespace stele::projections
