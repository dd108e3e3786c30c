#include "tests/projections/state/state_life.h"

#include <cstring>
#include <iostream>

namespace stele::projections {
namespace {

std::string encoded(const StateType& type, const void* state) {
  Bytes bytes;
  type.encode(state, bytes);
  return std::string(as_text(bytes));
}

void change(std::size_t fold, void* state, std::uint64_t event) {
  if (fold == 0) {
    *static_cast<std::string*>(state) += static_cast<char>('a' + event % 26);
  } else {
    auto* tally = static_cast<Tally*>(state);
    tally->count += 1;
    tally->sum += static_cast<std::int64_t>(event) - 50;
  }
}

void change(std::size_t fold, std::string& model, std::uint64_t event) {
  if (fold == 0) return change(0, static_cast<void*>(&model), event);
  Tally tally;
  if (!model.empty()) std::memcpy(&tally, model.data(), sizeof tally);
  change(1, &tally, event);
  model.assign(reinterpret_cast<const char*>(&tally), sizeof tally);
}

const StateType& type_of(std::size_t fold) {
  static const std::array types{text_type(), tally_type()};
  return types[fold];
}

}  // namespace

std::uint64_t seed_or(std::uint64_t seed) {
  const char* given = std::getenv("STELE_SEED");
  if (given != nullptr) seed = std::strtoull(given, nullptr, 10);
  std::cout << "STELE_SEED=" << seed << "\n";
  return seed;
}

Contents contents_of(const StateStore& store) {
  Contents contents;
  for (std::size_t fold = 0; fold < contents.size(); ++fold) {
    std::optional<std::pair<std::uint64_t, std::string>> last;
    const auto dumped = store.dump(fold, [&](ByteView key, const void* state) {
      std::pair<std::uint64_t, std::string> place{Key(key).hash, as_text(key)};
      EXPECT_TRUE(!last.has_value() || *last < place) << "dump() is out of order";
      contents[fold].emplace(as_text(key), encoded(type_of(fold), state));
      last = std::move(place);
    });
    EXPECT_TRUE(dumped.has_value()) << dumped.error().text();
  }
  return contents;
}

void expect_equal(const StateStore& store, const Contents& wanted) {
  const Contents found = contents_of(store);
  for (std::size_t fold = 0; fold < found.size(); ++fold) {
    EXPECT_EQ(found[fold].size(), wanted[fold].size()) << "keys of fold " << fold;
    EXPECT_TRUE(found[fold] == wanted[fold]) << "states of fold " << fold;
  }
}

namespace {

std::string draw_key_of(SimRandom& random, std::size_t key_count) {
  const std::uint64_t number = random.below(key_count);
  std::string key = "key-" + std::to_string(number);
  if (number % 13 == 0) key.append(number % 300, 'x');
  return number % 97 == 5 ? std::string() : key;
}

}  // namespace

LifeEvent draw_event(SimRandom& random, std::size_t key_count) {
  LifeEvent event{.fold = random.below(2), .key = draw_key_of(random, key_count)};
  event.number = random.below(100);
  const std::uint64_t fate = random.below(20);
  event.verdict = fate < 15 ? Verdict::kKeep : fate < 18 ? Verdict::kDrop : Verdict::kUndo;
  event.undoable = event.verdict == Verdict::kUndo || random.chance(50);
  return event;
}

Result<void> fold(StateStore& store, const LifeEvent& event, std::int64_t place) {
  const Key key(as_bytes(event.key));
  STELE_TRY(void* const state, store.open(event.fold, key, event.undoable));
  change(event.fold, state, event.number);
  store.close(event.fold, key, event.verdict, place);
  return {};
}

void fold(Moment& model, const LifeEvent& event) {
  auto& states = model.contents[event.fold];
  if (event.verdict == Verdict::kKeep) change(event.fold, states[event.key], event.number);
  if (event.verdict == Verdict::kDrop) states.erase(event.key);
  Mark& mark = model.mark;
  mark.recorded_us_max = static_cast<std::int64_t>(mark.event_count);
  mark.event_count += 1;
  mark.checkpoint = Checkpoint::of_store(static_cast<std::int64_t>(mark.event_count));
  mark.event_time_ms_max =
      std::max(mark.event_time_ms_max, static_cast<std::int64_t>(event.number));
  mark.extras.assign(event.number % 5, std::byte{7});
}

std::string StateLife::draw_key() {
  return draw_key_of(random_, key_count_);
}

Result<void> StateLife::live(StateStore& store, int count) {
  for (int i = 0; i < count; ++i) {
    const LifeEvent event = draw_event(random_, key_count_);
    STELE_DO(fold(store, event, static_cast<std::int64_t>(now_.mark.event_count)));
    fold(now_, event);
  }
  return {};
}

void StateLife::expect_one(StateStore& store, std::size_t fold, const std::string& key) const {
  const auto at = now_.contents[fold].find(key);
  const bool there = at != now_.contents[fold].end();
  const Key looked(as_bytes(key));
  const auto expect_state = [&](const void* state) {
    ASSERT_EQ(state != nullptr, there) << key;
    if (there) EXPECT_EQ(encoded(type_of(fold), state), at->second) << key;
  };
  const auto read = store.read(fold, looked, [&](const void* state, std::int64_t last_place) {
    expect_state(state);
    EXPECT_LT(last_place, static_cast<std::int64_t>(now_.mark.event_count));
  });
  EXPECT_TRUE(read.has_value()) << read.error().text();
  const auto found = store.find(fold, looked);
  ASSERT_TRUE(found.has_value()) << found.error().text();
  expect_state(*found);
}

}  // namespace stele::projections
