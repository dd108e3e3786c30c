// The outbox's timers and what waits against plain std containers: random events that set, replace
// and cancel timers, some failing, time passing, the source failing at times, and restarts in
// between (encode, decode). STELE_SEED replays.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>

#include "projections/process/outbox.h"
#include "tests/projections/process/plain_source.h"
#include "tests/projections/process/process_fixture.h"
#include "tests/support/sim_random.h"

namespace stele::projections {
namespace {

constexpr int kSeeds = 40;
constexpr int kOperations = 400;

std::uint64_t first_seed() {
  const char* text = std::getenv("STELE_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

/// Timers by name: (due, what is fired); and what must have been appended, in order.
struct Model {
  std::map<std::string, std::pair<std::int64_t, std::string>> timers;
  std::vector<std::string> appended;
};

class TimersLife {
public:
  explicit TimersLife(std::uint64_t seed) : random_(seed) {}

  void live() {
    for (int i = 0; i < kOperations && !testing::Test::HasFailure(); ++i) {
      if (random_.chance(60)) fold_one();
      if (random_.chance(30)) fire();
      if (random_.chance(10)) restart();
      check();
    }
    source_.failing = false;
    ASSERT_TRUE(outbox_->flush(source_).has_value());
    std::vector<std::string> sent;
    for (const log::TopicEvent& event : source_.appended)
      sent.push_back(event.topic + event.event.type);
    EXPECT_EQ(sent, model_.appended);
  }
  [[nodiscard]] std::size_t appended_count() const { return model_.appended.size(); }

private:
  void fold_one() {
    const Cause cause(offset_++);
    const bool muted = random_.chance(20);
    const bool fails = random_.chance(20);
    const Model before = model_;
    outbox_->begin(cause.event, muted);
    for (std::uint64_t left = random_.below(5); left > 0; --left) ask(muted);
    if (!fails) return;
    outbox_->discard();
    model_ = before;
  }

  void ask(bool muted) {
    const std::string name = "t" + std::to_string(random_.below(6));
    const std::string what = std::to_string(made_++);
    if (random_.chance(30)) {
      outbox_->append("a", {.type = what});
      if (!muted) model_.appended.push_back("a" + what);
    } else if (random_.chance(60)) {
      const std::int64_t at = now_ms_ + static_cast<std::int64_t>(random_.below(50)) - 5;
      outbox_->schedule(name, at, "f", {.type = what});
      model_.timers[name] = {at, "f" + what};
    } else {
      outbox_->cancel(name);
      model_.timers.erase(name);
    }
  }

  void fire() {
    now_ms_ += static_cast<std::int64_t>(random_.below(30));
    source_.failing = random_.chance(30);
    std::map<std::pair<std::int64_t, std::string>, std::string> due;
    for (const auto& [name, timer] : model_.timers)
      if (timer.first <= now_ms_) due[{timer.first, name}] = timer.second;
    for (const auto& [place, what] : due) {
      model_.timers.erase(place.second);
      model_.appended.push_back(what);
    }
    const auto fired = outbox_->fire_due(now_ms_, source_);
    EXPECT_EQ(fired.has_value(), !source_.failing || due.empty());
    if (fired) EXPECT_EQ(*fired, due.size());
  }

  void restart() {
    Bytes kept(3, std::byte{7});  // something of the engine's before it, and behind
    outbox_->encode(kept);
    const std::size_t size = kept.size();
    kept.push_back(std::byte{9});
    outbox_ = std::make_unique<Outbox>("p");
    ByteView from = ByteView(kept).subspan(3);
    ASSERT_TRUE(outbox_->decode(from).has_value());
    EXPECT_EQ(from.size(), kept.size() - size);
    Bytes again(3, std::byte{7});
    outbox_->encode(again);
    again.push_back(std::byte{9});
    EXPECT_EQ(again, kept);
  }

  void check() {
    EXPECT_EQ(outbox_->timer_count(), model_.timers.size());
    EXPECT_EQ(outbox_->waiting() + source_.appended.size(), model_.appended.size());
    std::optional<std::int64_t> next;
    for (const auto& [name, timer] : model_.timers)
      next = std::min(next.value_or(INT64_MAX), timer.first);
    EXPECT_EQ(outbox_->next_due_ms(), next);
  }

  SimRandom random_;
  PlainSource source_;
  std::unique_ptr<Outbox> outbox_ = std::make_unique<Outbox>("p");
  Model model_;
  std::int64_t now_ms_ = 1000;
  std::int64_t offset_ = 0;
  int made_ = 0;
};

TEST(TimersModel, TimersAreAMapWhateverTheRestarts) {
  std::size_t appended = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + kSeeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "STELE_SEED=" << seed);
    TimersLife life(seed);
    life.live();
    appended += life.appended_count();
    if (testing::Test::HasFailure()) return;
  }
  std::cout << appended << " events appended\n";
  EXPECT_GT(appended, 5000u);
}

}  // namespace
}  // namespace stele::projections
