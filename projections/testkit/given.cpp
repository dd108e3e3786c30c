#include "projections/testkit/given.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "projections/testkit/golden_file.h"

namespace stele::projections {

namespace {

/// Event times that shuffled_times() asks for, at most.
constexpr std::size_t kTimesMax = 64;

/// Fisher and Yates; std::shuffle is another order with every library.
void shuffle(std::vector<GivenEvent>& events, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t left = events.size(); left > 1; --left) {
    std::swap(events[left - 1], events[random() % left]);
  }
}

std::vector<std::int64_t> times_of(const std::vector<GivenEvent>& events) {
  std::set<std::int64_t> all;
  for (const GivenEvent& event : events) {
    if (event.time_ms) all.insert(*event.time_ms);
  }
  std::vector<std::int64_t> times;
  const std::size_t step = all.size() / kTimesMax + 1;
  std::size_t index = 0;
  for (const std::int64_t time : all) {
    if (index++ % step == 0 || index == all.size()) times.push_back(time);
  }
  return times;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// Lines of one that the other lacks.
std::string line_differences(std::string_view wanted, std::string_view found) {
  std::vector<std::string_view> left = lines_of(wanted);
  std::vector<std::string_view> right = lines_of(found);
  std::ranges::sort(left);
  std::ranges::sort(right);
  std::vector<std::string_view> only;
  std::string text;
  std::ranges::set_difference(left, right, std::back_inserter(only));
  for (const std::string_view line : only) text += fmt::format("wanted {}\n", line);
  only.clear();
  std::ranges::set_difference(right, left, std::back_inserter(only));
  for (const std::string_view line : only) text += fmt::format("found  {}\n", line);
  return text;
}

}  // namespace

GivenScene::GivenScene(DefinitionPtr definition) : definition_(std::move(definition)) {
  if (!definition_->topics.empty()) topic_ = definition_->topics.front();
}

void GivenScene::add(GivenEvent event) {
  outcome_.reset();
  events_.push_back(std::move(event));
}

std::optional<Outcome> GivenScene::fold(const std::vector<GivenEvent>& events,
                                        const SceneOptions& options) {
  Result<Outcome> folded = fold_scene(definition_, events, options);
  if (folded) return *std::move(folded);
  if (findings_.find(folded.error().detail) == std::string::npos) {
    find("definition", folded.error().text());
  }
  return std::nullopt;
}

const Outcome* GivenScene::outcome() {
  if (!outcome_) outcome_ = fold(events_, {});
  return outcome_ ? &*outcome_ : nullptr;
}

void GivenScene::find(std::string_view step, std::string_view what) {
  for (const std::string_view line : lines_of(what)) {
    findings_ += fmt::format("{}: {}\n", step, line);
  }
}

void GivenScene::expect_state(const std::string& key, const StateBox* wanted) {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const auto found = folded->states.find(key);
  const bool is_there = found != folded->states.end();
  const bool same =
      wanted == nullptr ? !is_there : is_there && found->second.encoded() == wanted->encoded();
  if (same) return;
  find("then", fmt::format("after {} events {}: wanted {}, found {}", events_.size(), key,
                           wanted == nullptr ? "nothing" : wanted->print(), folded->print(key)));
}

void GivenScene::expect_poison(std::string_view part) {
  poison_expected_.emplace_back(part);
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const bool found = std::ranges::any_of(folded->poison, [part](const GivenPoison& poison) {
    return poison.reason.find(part) != std::string::npos;
  });
  if (!found) find("then_poison", fmt::format("no event was poison because of '{}'", part));
}

void GivenScene::expect_effect(const GivenEffect& wanted) {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const std::size_t at = effects_seen_++;
  const std::string found =
      at < folded->effects.size() ? folded->effects[at].text() : std::string("nothing");
  if (found == wanted.text()) return;
  find("effect", fmt::format("{}: wanted {}, found {}", at, wanted.text(), found));
}

void GivenScene::expect_no_more_effects() {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  for (std::size_t at = effects_seen_; at < folded->effects.size(); ++at) {
    find("effect", fmt::format("{}: wanted nothing, found {}", at, folded->effects[at].text()));
  }
}

void GivenScene::expect_replay_equal() {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const auto half = static_cast<std::ptrdiff_t>(events_.size() / 2);
  for (int time = 0; time < 2; ++time) {
    // What handlers keep outside of the state would show after another replay.
    if (time == 1) (void)fold({events_.begin(), events_.begin() + half}, {});
    const std::optional<Outcome> again = fold(events_, {});
    if (again) find("replay_equal", difference(*folded, *again));
  }
}

void GivenScene::expect_restarts(std::size_t every) {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const std::optional<Outcome> again = fold(events_, {.restart_every = every, .until_ms = {}});
  if (!again) return;
  for (const std::string& fault : again->restart_faults) find("restart_every", fault);
  find("restart_every", difference(*folded, *again));
}

void GivenScene::expect_shuffled_times(std::uint64_t seed) {
  if (outcome() == nullptr) return;
  std::vector<GivenEvent> shuffled = events_;
  for (const GivenEvent& event : shuffled) {
    if (event.time_ms) continue;
    find("shuffled_times", "every event has to be given its time");
    return;
  }
  shuffle(shuffled, seed);
  for (const std::int64_t time : times_of(events_)) {
    const SceneOptions options{.restart_every = 0, .until_ms = time};
    std::optional<Outcome> wanted = fold(events_, options);
    std::optional<Outcome> found = fold(shuffled, options);
    // What was asked for came in the order of the events; answers as of a time are states alone.
    for (auto* outcome : {&wanted, &found}) {
      if (*outcome) (*outcome)->effects.clear();
    }
    const std::string differs = wanted && found ? difference(*wanted, *found) : std::string();
    if (differs.empty()) continue;
    find(fmt::format("shuffled_times({}), as of {}", seed, time), differs);
    return;
  }
}

void GivenScene::expect_golden(const std::string& path) {
  const Outcome* folded = outcome();
  if (folded == nullptr) return;
  const std::string text = folded->dump();
  const Result<std::string> wanted = golden_file(path, text);
  find("golden", wanted ? line_differences(*wanted, text) : wanted.error().detail);
}

std::string GivenScene::findings() const {
  std::string text = findings_;
  const Result<Outcome> folded = fold_scene(definition_, events_);
  if (!folded) return text.empty() ? folded.error().text() + "\n" : text;
  for (const GivenPoison& poison : folded->poison) {
    const bool expected = std::ranges::any_of(poison_expected_, [&](const std::string& part) {
      return poison.reason.find(part) != std::string::npos;
    });
    if (!expected) text += fmt::format("poison: {}: {}\n", poison.event, poison.reason);
  }
  return text;
}

}  // namespace stele::projections
