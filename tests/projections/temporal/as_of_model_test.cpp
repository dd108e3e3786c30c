// Random streams, random late events, random snapshots kept: every answer is what a fold over the
// plain list gives, and the same again for the same token, whatever came since.
#include <cstdlib>

#include "tests/projections/temporal/past_fixture.h"

namespace stele::projections {
namespace {

constexpr int kRounds = 6;
constexpr int kAppends = 60;
constexpr int kQuestions = 40;

std::uint64_t seed() {
  const char* given = std::getenv("STELE_SEED");
  return given != nullptr
             ? std::strtoull(given, nullptr, 0)
             : static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
}

/// What of the list belongs to a moment.
struct Extent {
  std::int64_t below = 0;
  std::int64_t time_ms_max = INT64_MAX;
  std::int64_t recorded_us_max = INT64_MAX;
  bool operator()(const ListedEvent& event) const {
    return event.position < below && event.time_ms <= time_ms_max &&
           event.recorded_us <= recorded_us_max;
  }
};

/// A question, and what it must give.
struct Question {
  Moment moment;
  Extent extent;
  std::string key;
};

class AsOfModel : public PastFixture {
protected:
  void SetUp() override {
    seed_ = seed() == 0 ? 20131 : seed();
    RecordProperty("seed", std::to_string(seed_));
    random_ = SimRandom(seed_);
    DefinitionPtr rates = tallies("rates", {"b"});
    auto joined = tallies("joined", {"a"}, {.with_rate = true});
    joined->lookups = {rates};
    auto joined_colors = tallies("joined_colors", {"a"}, {.by_color = true, .with_rate = true});
    joined_colors->lookups = {rates};
    // An event of topic a may be poison for the one and not for the other.
    auto shared = tallies("shared", {"a"}, {.with_rate = true});
    shared->lookups = {tallies("all", {"a", "b"})};
    definitions_ = {shared,
                    tallies("streams", {"a"}),
                    tallies("both", {"a", "b"}),
                    tallies("colors", {"a"}, {.by_color = true}),
                    joined,
                    joined_colors};
  }

  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(limit)));
  }
  std::string key_of(const Definition& definition) {
    static const std::vector<std::string> kColors = {"red", "green", "blue"};
    if (!definition.keyed_by_stream) return kColors[random_.below(kColors.size())];
    return "s" + std::to_string(below(6));  // s5 is never written
  }

  void append_some() {
    static const std::vector<std::string> kTypes = {"Added", "Added",   "Added",
                                                    "Picky", "Ignored", "Dropped"};
    std::vector<ListedEvent> events;
    for (auto left = 1 + below(5); left > 0; --left) {
      events.push_back({.topic = random_.chance(70) ? "a" : "b",
                        .stream = "s" + std::to_string(below(5)),
                        .type = random_.chance(3) ? "Dropped" : kTypes[random_.below(5)],
                        .color = random_.chance(50)   ? "red"
                                 : random_.chance(50) ? "green"
                                                      : "blue",
                        .value = below(100),
                        .time_ms = now_ms_ - (random_.chance(25) ? below(1000) : below(20))});
    }
    append(std::move(events));
    now_ms_ += below(30);
    if (random_.chance(60)) env_.pause(std::chrono::milliseconds(1 + below(30)));
  }

  std::int64_t end() const { return list_.empty() ? 0 : list_.back().position + 1; }
  std::string token(std::int64_t next) { return events_->token(Position(next)); }

  /// Any of the axes; a version only of what has versions.
  Question ask(const Definition& definition) {
    Question question{.key = key_of(definition)};
    const std::int64_t known = random_.chance(50) ? end() : 1 + below(end());
    if (known != end() || random_.chance(50)) question.moment.known_by = token(known);
    question.extent.below = known;
    const ListedEvent& some = list_[random_.below(list_.size())];
    const std::int64_t place = below(known);
    const bool has_versions = definition.keyed_by_stream && definition.topics.size() == 1;
    switch (has_versions && some.topic == "a" && some.position < known ? below(5) : 1 + below(4)) {
      case 0:
        question.key = some.stream;
        question.moment.at = AtVersion{Version(some.version)};
        question.extent.below = some.position + 1;
        break;
      case 1:
        question.moment.at = AtPosition{Position(place)};
        question.extent.below = place + 1;
        break;
      case 2:
        question.moment.at = AtToken{token(place)};
        question.extent.below = place;
        break;
      case 3:
        question.extent.recorded_us_max = some.recorded_us + below(3) - 1;
        question.moment.at = AtRecorded{question.extent.recorded_us_max};
        break;
      default:
        question.extent.time_ms_max = some.time_ms + below(3) - 1;
        question.moment.at = AtEventTime{question.extent.time_ms_max};
        break;
    }
    return question;
  }

  Past past_with_snapshots(const DefinitionPtr& definition) {
    Past asked = past(definition);
    for (auto left = below(5); left > 0; --left)
      asked.snapshots.push_back(
          std::make_shared<ModelSnapshot>(*definition, list_, below(end() + 1)));
    return asked;
  }

  /// An answer that has to come again, whatever is appended.
  struct Kept {
    DefinitionPtr definition;
    Question question;
    std::optional<Tally> state;
    std::string token;
  };
  void check_key(const DefinitionPtr& definition) {
    const Question question = ask(*definition);
    const PastState answer = state(past_with_snapshots(definition), question.key, question.moment);
    const TallyMap model = model_of(*definition, list_, question.extent).front();
    const auto expected = model.find(question.key);
    ASSERT_EQ(tally(answer),
              expected == model.end() ? std::nullopt : std::optional(expected->second))
        << definition->name << " " << question.key << " axis " << question.moment.at.index();
    kept_.push_back({definition, question, tally(answer), answer.token});
  }
  void check_table(const DefinitionPtr& definition) {
    Question question = ask(*definition);
    if (std::holds_alternative<AtVersion>(question.moment.at)) return;
    const auto table = states_at(past_with_snapshots(definition), question.moment);
    ASSERT_TRUE(table.has_value()) << table.error().text();
    ASSERT_EQ(map_of(**table), model_of(*definition, list_, question.extent).front())
        << definition->name << " axis " << question.moment.at.index();
  }
  void check_again(const Kept& kept) {
    Moment moment = kept.question.moment;
    moment.known_by = kept.token;
    const PastState again = state(past_with_snapshots(kept.definition), kept.question.key, moment);
    ASSERT_EQ(tally(again), kept.state)
        << kept.definition->name << " " << kept.question.key << " axis " << moment.at.index();
    ASSERT_EQ(again.token, kept.token);
  }

  std::uint64_t seed_ = 0;
  SimRandom random_{0};
  std::int64_t now_ms_ = 100'000;
  std::vector<DefinitionPtr> definitions_;
  std::vector<Kept> kept_;
};

TEST_F(AsOfModel, EveryMomentIsWhatAFoldOverTheListGivesAndStaysSo) {
  SCOPED_TRACE("STELE_SEED=" + std::to_string(seed_));
  for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
    for (int i = 0; i < kAppends && !HasFatalFailure(); ++i) append_some();
    for (const Kept& kept : kept_) {
      check_again(kept);
      if (HasFatalFailure()) return;
    }
    kept_.clear();
    for (const DefinitionPtr& definition : definitions_) {
      for (int i = 0; i < kQuestions && !HasFatalFailure(); ++i) check_key(definition);
      for (int i = 0; i < kQuestions / 4 && !HasFatalFailure(); ++i) check_table(definition);
    }
  }
}

}  // namespace
}  // namespace stele::projections
