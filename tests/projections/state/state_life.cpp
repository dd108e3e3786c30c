#include "tests/projections/state/state_life.h"

#include <cstring>
#include <iostream>

namespace stele::projections {
namespace {

Definition definition(std::string name, StateType type) {
  Definition made;
  made.name = std::move(name);
  made.topics = {"orders"};
  made.state = std::move(type);
  return made;
}

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

StateType text_type() {
  StateType type{.size = sizeof(std::string), .align = alignof(std::string)};
  type.construct = [](void* at) { new (at) std::string; };
  type.destroy = [](void* at) { std::destroy_at(static_cast<std::string*>(at)); };
  type.move = [](void* to, void* from) {
    new (to) std::string(std::move(*static_cast<std::string*>(from)));
    std::destroy_at(static_cast<std::string*>(from));
  };
  type.copy = [](void* to, const void* from) {
    new (to) std::string(*static_cast<const std::string*>(from));
  };
  type.encode = [](const void* state, Bytes& to) {
    const ByteView text = as_bytes(*static_cast<const std::string*>(state));
    to.insert(to.end(), text.begin(), text.end());
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    *static_cast<std::string*>(at) = as_text(bytes);
    return {};
  };
  type.shape = "text";
  return type;
}

StateType tally_type() {
  StateType type{.size = sizeof(Tally), .align = alignof(Tally), .trivial = true};
  type.construct = [](void* at) { new (at) Tally; };
  type.destroy = [](void*) {};
  type.move = [](void* to, void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.copy = [](void* to, const void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.encode = [](const void* state, Bytes& to) {
    const ByteView bytes(static_cast<const std::byte*>(state), sizeof(Tally));
    to.insert(to.end(), bytes.begin(), bytes.end());
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    if (bytes.size() != sizeof(Tally))
      return std::unexpected(Error{Code::kCorrupt, "a tally of another size"});
    std::memcpy(at, bytes.data(), sizeof(Tally));
    return {};
  };
  type.shape = "count u64, sum i64";
  return type;
}

LifeFolds::LifeFolds()
    : texts(definition("texts", text_type())), tallies(definition("tallies", tally_type())) {}

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

std::string StateLife::draw_key() {
  const std::uint64_t number = random_.below(key_count_);
  std::string key = "key-" + std::to_string(number);
  if (number % 13 == 0) key.append(number % 300, 'x');
  return number % 97 == 5 ? std::string() : key;
}

Result<void> StateLife::live(StateStore& store, int count) {
  for (int i = 0; i < count; ++i) STELE_DO(fold_one(store));
  return {};
}

Result<void> StateLife::fold_one(StateStore& store) {
  const std::size_t fold = random_.below(2);
  const std::string text = draw_key();
  const Key key(as_bytes(text));
  const std::uint64_t event = random_.below(100);
  const std::uint64_t fate = random_.below(20);
  const bool undoable = fate >= 16 || random_.chance(50);
  const Verdict verdict = fate < 15 ? Verdict::kKeep : fate < 18 ? Verdict::kDrop : Verdict::kUndo;
  const auto place = static_cast<std::int64_t>(now_.mark.event_count);
  STELE_TRY(void* const state, store.open(fold, key, undoable || verdict == Verdict::kUndo));
  change(fold, state, event);
  store.close(fold, key, verdict, place);
  if (verdict == Verdict::kKeep) change(fold, now_.contents[fold][text], event);
  if (verdict == Verdict::kDrop) now_.contents[fold].erase(text);
  Mark& mark = now_.mark;
  mark.event_count += 1;
  mark.checkpoint = Checkpoint::of_store(static_cast<std::int64_t>(mark.event_count));
  mark.event_time_ms_max = std::max(mark.event_time_ms_max, static_cast<std::int64_t>(event));
  mark.recorded_us_max = place;
  mark.extras.assign(event % 5, std::byte{7});
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
