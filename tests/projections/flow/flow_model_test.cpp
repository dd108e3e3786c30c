// Random events, folds, restarts, lots and lanes, beside the same folds over a plain list.
#include <cstdlib>

#include "projections/testkit/given_events.h"
#include "tests/projections/flow/flow_fixture.h"
#include "tests/support/sim_random.h"

namespace stele::projections {
namespace {

std::uint64_t base_seed() {
  const char* given = std::getenv("STELE_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

struct Listed {
  std::string topic;
  std::string stream;
  std::string type;
  std::string data;
};

Listed draw_event(SimRandom& random, const std::vector<std::string>& topics, bool by_keys) {
  const auto below = [&](std::uint64_t n) { return random.draw() % n; };
  const auto key = [&] { return "k" + std::to_string(below(30)); };
  const std::uint64_t kind = below(40);
  Listed event{.topic = topics[below(topics.size())], .stream = key(), .type = "Added", .data = {}};
  if (kind < 3) event.type = "Poison";
  if (kind >= 3 && kind < 6) event.type = "Dropped";
  if (kind >= 6 && kind < 10) event.type = "Ignored" + std::to_string(below(200));
  if (by_keys) {
    event.data = key();
    // No key twice in an event.
    if (below(5) == 0) event.data += ",l" + std::to_string(below(5)) + ",m";
    event.data += ' ';
  }
  event.data += std::to_string(below(1000));
  return event;
}

/// Folds a list as the flow of run_rules does, poison events passed over.
class Model {
public:
  explicit Model(const FoldRules& rules) : rules_(rules) {}

  void fold(const Listed& event) {
    const bool is_known =
        event.type == "Added" || event.type == "Dropped" || event.type == "Poison";
    if (!is_known) return;
    if (event.type == "Poison") {
      ++poisons;
      return;
    }
    const auto keys =
        rules_.by_keys ? keys_in(event.data) : std::vector<std::string_view>{event.stream};
    std::int64_t number =
        number_in(rules_.by_keys ? std::string_view(event.data).substr(event.data.find(' ') + 1)
                                 : std::string_view(event.data));
    for (const std::string_view key : keys) {
      Tally& state = states_[std::string(key)];
      ++state.count;
      state.mix = static_cast<std::int64_t>(static_cast<std::uint64_t>(state.mix) * 31 +
                                            static_cast<std::uint64_t>(number));
      last_[std::string(key)] = event.type;
      if (event.type == "Dropped") states_.erase(std::string(key));
    }
  }
  template <class State>
  [[nodiscard]] std::map<std::string, Bytes> dumped(const Definition& definition) const {
    std::map<std::string, Bytes> all;
    for (const auto& [key, tally] : states_) {
      State state{.count = tally.count, .mix = tally.mix};
      if constexpr (requires { state.last; }) state.last = last_.at(key);
      definition.state.encode(&state, all[key]);
    }
    return all;
  }

  std::size_t poisons = 0;

private:
  FoldRules rules_;
  std::map<std::string, Tally> states_;
  std::map<std::string, std::string> last_;
};

class FlowModel : public FlowFixture {
protected:
  void append(const std::vector<Listed>& events) {
    std::vector<log::TopicEvent> all;
    for (const Listed& event : events) {
      log::NewEvent made{.stream = event.stream, .type = event.type};
      made.data.emplace(as_bytes(event.data).begin(), as_bytes(event.data).end());
      all.push_back({event.topic, std::move(made)});
    }
    ASSERT_TRUE(events_->append({.events = std::move(all)}).has_value());
  }
};

TEST_F(FlowModel, StatesAreThoseOfTheListWhateverHappensOnTheWay) {
  create("a", 3);
  create("b");
  create("noise");
  for (std::uint64_t seed = base_seed(); seed < base_seed() + 12; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    SimRandom random(seed);
    const auto rules = std::make_shared<FoldRules>();
    rules->by_keys = random.draw() % 2 == 0;
    const std::vector<std::string> topics =
        random.draw() % 2 == 0 ? std::vector<std::string>{"a"} : std::vector<std::string>{"b", "a"};
    const auto definition = tallies<Trail>("model", topics, rules);
    definition->poison = PoisonPolicy::kSkip;
    definition->store = MemoryStore{.snapshot_every = 1 + random.draw() % 50, .keep = 2};
    const FlowTaskOptions options{.folder = "/flow-" + std::to_string(seed)};
    Model model(*rules);
    const Position begin = store_->end();
    // What older seeds have appended is passed over by beginning behind it.
    std::unique_ptr<FlowTask> task;
    std::vector<Listed> all;
    for (int round = 0; round < 30; ++round) {
      std::vector<Listed> some;
      for (std::uint64_t i = 0; i < 1 + random.draw() % 20; ++i) {
        some.push_back(draw_event(random, {"a", "b", "noise"}, true));
        // A topic that holds both forms: the other fold reads the number only.
        if (!rules->by_keys) some.back().data = std::to_string(random.draw() % 1000);
      }
      append(some);
      all.insert(all.end(), some.begin(), some.end());
      lot_bytes_ = 1 + random.draw() % 2000;
      source_ = std::make_unique<EmbeddedSource>(*events_, EmbeddedSourceOptions{lot_bytes_});
      task = open(definition, options);
      for (std::uint64_t i = 0; i < random.draw() % 5; ++i)
        ASSERT_TRUE(task->step(std::chrono::nanoseconds::zero()).has_value());
      if (random.draw() % 4 == 0) {
        ASSERT_TRUE(task->commit().has_value());
      }
      env_.advance(std::chrono::seconds(1));
      task.reset();
    }
    task = open(definition, options);
    ASSERT_TRUE(fold_all(*task).has_value());
    for (const Listed& event : all) {
      if (std::ranges::find(topics, event.topic) != topics.end()) model.fold(event);
    }
    EXPECT_EQ(dumped(*task, *definition), model.dumped<Trail>(*definition));
    EXPECT_EQ(task->poisons().size(), model.poisons);
    EXPECT_EQ(task->checkpoint(), Checkpoint::of_store(store_->end().raw()));
    EXPECT_GT(store_->end(), begin);
    task.reset();
    // The next seed's topics begin empty.
    for (const char* topic : {"a", "b", "noise"}) {
      ASSERT_TRUE(store_->delete_topic(store_->find_topic(topic)->id));
      create(topic, topic[0] == 'a' ? 3 : 1);
    }
  }
}

// --- lanes ---

struct LaneResult {
  std::map<std::string, Bytes> states;
  std::vector<PoisonRecord> poisons;
  Checkpoint checkpoint;
  std::string stopped;
  friend bool operator==(const LaneResult&, const LaneResult&) = default;
};

template <class State>
LaneResult fold_in(std::uint32_t lanes, Source& source, const std::shared_ptr<Definition>& made) {
  SimEnv env;
  const auto task = open_task(made, source, env, {.folder = "/flow", .lanes = lanes});
  const std::chrono::seconds longest{lanes > 1 ? 5 : 0};  // another thread reads: wait for it
  for (;;) {
    const auto stepped = task->step(longest);
    if (!stepped || *stepped) break;
  }
  return {.states = dumped(*task, *made),
          .poisons = task->poisons(),
          .checkpoint = task->checkpoint(),
          .stopped = task->status().stopped_because};
}

template <class State>
void compare_lanes(std::uint64_t seed, PoisonPolicy policy) {
  SimRandom random(seed);
  const auto rules = std::make_shared<FoldRules>();
  rules->by_keys = random.draw() % 2 == 0;
  GivenEvents source(300 + random.draw() % 2000);
  std::vector<Listed> all;
  const std::size_t count = 6000;
  const std::size_t quiet = random.draw() % count;  // no poison before it under kStop
  for (std::size_t i = 0; i < count; ++i) {
    Listed event = draw_event(random, {"a"}, rules->by_keys);
    if (policy == PoisonPolicy::kStop && i < quiet && event.type == "Poison") event.type = "Added";
    source.add({.topic = "a", .stream = event.stream, .type = event.type, .data = event.data});
    all.push_back(event);
  }
  const auto made = tallies<State>("lanes", {"a"}, rules);
  made->poison = policy;
  made->store = MemoryStore{.snapshot_every = 1000};
  const LaneResult one = fold_in<State>(1, source, made);
  Model model(*rules);
  for (const Listed& event : all) {
    if (policy == PoisonPolicy::kStop && event.type == "Poison") break;
    model.fold(event);
  }
  EXPECT_EQ(one.states, model.template dumped<State>(*made));
  for (const std::uint32_t lanes : {2U, 3U, 8U}) {
    SCOPED_TRACE(lanes);
    EXPECT_EQ(fold_in<State>(lanes, source, made), one);
  }
}

TEST(Lanes, FoldToTheBytesOfOneLane) {
  for (std::uint64_t seed = base_seed(); seed < base_seed() + 4; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    compare_lanes<Tally>(seed, PoisonPolicy::kSkip);
    compare_lanes<Trail>(seed + 100, PoisonPolicy::kSkip);
  }
}

TEST(Lanes, StopAtTheSameEventWithTheSameStates) {
  for (std::uint64_t seed = base_seed(); seed < base_seed() + 4; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    compare_lanes<Tally>(seed, PoisonPolicy::kStop);
    compare_lanes<Trail>(seed + 100, PoisonPolicy::kStop);
  }
}

// --- partitions ---

TEST(FlowOverPartitions, FoldsEachPartitionsEventsAndTellsEachsPlace) {
  GivenEvents source(7, GivenEvents::Inputs::kPartitions);
  source.add_topic("a", 3);
  std::map<std::string, std::int64_t> counts;
  for (int i = 0; i < 200; ++i) {
    const std::string stream = "k" + std::to_string(i % 17);
    source.add(
        {.topic = "a", .partition = (i % 17) % 3, .stream = stream, .type = "Added", .data = "1"});
    ++counts[stream];
  }
  SimEnv env;
  const auto made = tallies("sums", {"a"});
  for (const bool commits : {true, false}) {
    const auto task = open_task(made, source, env);
    ASSERT_TRUE(fold_all(*task).has_value());
    for (const auto& [stream, count] : counts) {
      const auto at = task->read(as_bytes(stream), [&](const void* state) {
        ASSERT_NE(state, nullptr);
        EXPECT_EQ(static_cast<const Tally*>(state)->count, count);
      });
      EXPECT_EQ(*at, source.end(inputs_of(source, *made)).value());
    }
    if (commits) {
      ASSERT_TRUE(task->commit());
    }
  }
}

}  // namespace
}  // namespace stele::projections
