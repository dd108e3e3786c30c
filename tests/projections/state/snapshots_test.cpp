// When snapshots are taken, which are kept, what is done with damaged ones, and what can be looked
// up in them.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "log/base/checksum.h"
#include "projections/state/memory_store.h"
#include "projections/state/past_states.h"
#include "projections/state/snapshot_format.h"
#include "tests/projections/state/state_life.h"
#include "tests/support/golden.h"
#include "tests/support/sim_env.h"

namespace stele::projections {
namespace {

constexpr const char* kFolder = "/data/flow";
constexpr const char* kGolden = STELE_GOLDEN_FOLDER "/state_snapshot.hex";

class Snapshots : public testing::Test {
protected:
  std::unique_ptr<StateStore> open(MemoryStore options = {.snapshot_every = 100, .keep = 3}) {
    auto store = open_memory_store(env_, kFolder, folds_.all(), options);
    EXPECT_TRUE(store.has_value()) << store.error().text();
    return *std::move(store);
  }
  std::optional<Mark> restore(StateStore& store) {
    auto mark = store.restore();
    EXPECT_TRUE(mark.has_value()) << mark.error().text();
    return mark.value_or(std::nullopt);
  }
  /// Folds so many events and takes a snapshot.
  void snapshot(StateStore& store, int events) {
    ASSERT_TRUE(life_.live(store, events).has_value());
    const auto done = store.commit(life_.now().mark, true);
    ASSERT_TRUE(done.has_value()) << done.error().text();
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const FolderEntry& entry : env_.list(kFolder).value()) {
      if (entry.name != "LOCK") names.push_back(entry.name);
    }
    return names;
  }
  std::string path(std::uint64_t event_count) {
    return std::string(kFolder) + "/" + snapshot_name(event_count);
  }
  Bytes bytes_of(std::uint64_t event_count) {
    const auto file = env_.open(path(event_count), OpenMode::kRead).value();
    Bytes bytes(file->size().value());
    EXPECT_EQ(file->read(bytes, 0).value(), bytes.size());
    return bytes;
  }
  void write(std::uint64_t event_count, ByteView bytes) {
    const auto file = env_.open(path(event_count), OpenMode::kCreate).value();
    ASSERT_TRUE(file->truncate(0).has_value());
    ASSERT_TRUE(file->write(bytes, 0).has_value());
  }

  SimEnv env_;
  LifeFolds folds_;
  StateLife life_{7, 300};
};

TEST_F(Snapshots, AreTakenWhenEnoughEventsAndTimeHaveGoneBy) {
  const auto store = open();
  restore(*store);
  const auto commit_after = [&](int events, std::chrono::nanoseconds pause) {
    EXPECT_TRUE(life_.live(*store, events).has_value());
    env_.advance(pause);
    EXPECT_TRUE(store->commit(life_.now().mark, false).has_value());
    return store->stats().snapshot_count;
  };
  EXPECT_EQ(commit_after(99, std::chrono::hours(1)), 0u) << "too few events";
  EXPECT_EQ(commit_after(1, {}), 1u);
  const auto took = store->stats().commit_took;
  EXPECT_GT(took.count(), 0);
  EXPECT_EQ(commit_after(500, took * 19), 1u) << "too soon";
  EXPECT_EQ(commit_after(1, took), 2u);
  EXPECT_EQ(commit_after(99, std::chrono::hours(1)), 2u);
  EXPECT_TRUE(store->commit(life_.now().mark, true).has_value());
  EXPECT_EQ(store->stats().snapshot_count, 3u) << "forced";
  EXPECT_TRUE(store->commit(life_.now().mark, true).has_value());
  EXPECT_EQ(store->stats().snapshot_count, 3u) << "nothing has changed since";
}

TEST_F(Snapshots, TheNewestAreKept) {
  const auto store = open();
  restore(*store);
  for (int i = 0; i < 5; ++i) snapshot(*store, 10);
  EXPECT_EQ(files(), (std::vector{snapshot_name(30), snapshot_name(40), snapshot_name(50)}));
}

TEST_F(Snapshots, ADamagedOneFallsBackToTheOneBeforeAndGoesWithTheNext) {
  Moment older;
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 200);
    older = life_.now();
    snapshot(*store, 200);
  }
  Bytes bytes = bytes_of(400);
  bytes[bytes.size() / 2] ^= std::byte{1};
  write(400, bytes);
  const auto store = open();
  EXPECT_EQ(restore(*store), older.mark);
  expect_equal(*store, older.contents);
  const auto passed_over = store->stats().passed_over;
  ASSERT_EQ(passed_over.size(), 1u);
  EXPECT_NE(passed_over[0].find(path(400)), std::string::npos) << passed_over[0];
  EXPECT_EQ(files(), (std::vector{snapshot_name(200), snapshot_name(400)})) << "kept until then";
  life_.go_back(older);
  snapshot(*store, 10);
  EXPECT_EQ(files(), (std::vector{snapshot_name(200), snapshot_name(210)}));
}

TEST_F(Snapshots, WithoutAWholeOneItBeginsAtTheBeginning) {
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 50);
    snapshot(*store, 50);
  }
  write(50, as_bytes("STELSNAP"));
  write(100, {});
  const auto store = open();
  EXPECT_EQ(restore(*store), std::nullopt);
  expect_equal(*store, {});
  EXPECT_EQ(store->stats().passed_over.size(), 2u);
}

// Every bit of header, directory and footer, and some of each block.
TEST_F(Snapshots, NoFlippedBitGoesUnseen) {
  Moment older;
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 20);
    older = life_.now();
    snapshot(*store, 300);
  }
  const Bytes whole = bytes_of(320);
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += bit < 64 * 8 ? 1 : 5) {
    Bytes bytes = whole;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    write(320, bytes);
    const auto store = open();
    const auto mark = store->restore();
    // A flipped version is a newer format, if its checksum fits, which it does not.
    ASSERT_TRUE(mark.has_value()) << mark.error().text();
    ASSERT_EQ(*mark, older.mark) << "bit " << bit;
    ASSERT_EQ(contents_of(*store), older.contents);
  }
}

TEST_F(Snapshots, OnesCutOffAnywhereArePassedOver) {
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 100);
  }
  const Bytes whole = bytes_of(100);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write(100, ByteView(whole).first(size));
    const auto store = open();
    EXPECT_EQ(restore(*store), std::nullopt) << size;
  }
}

TEST_F(Snapshots, ANewerFormatIsRefused) {
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 10);
  }
  Bytes bytes = bytes_of(10);
  store_le(bytes.data() + 8, std::uint32_t{2});
  store_le(bytes.data() + 56, checksum(ByteView(bytes).first(56), 0));
  write(10, bytes);
  const auto store = open();
  const auto mark = store->restore();
  ASSERT_FALSE(mark.has_value());
  EXPECT_EQ(mark.error().code, Code::kUnsupported);
}

TEST_F(Snapshots, OneOfAnotherShapeOrProjectionIsPassedOver) {
  {
    const auto store = open();
    restore(*store);
    snapshot(*store, 10);
  }
  const auto expect_passed_over = [&](const char* what) {
    SCOPED_TRACE(what);
    const auto store = open();
    EXPECT_EQ(restore(*store), std::nullopt);
    ASSERT_EQ(store->stats().passed_over.size(), 1u);
  };
  folds_.tallies.state.shape = "count u64, sum i32";
  expect_passed_over("shape");
  folds_.tallies.state.shape = tally_type().shape;
  folds_.texts.version = 2;
  expect_passed_over("version");
  folds_.texts.version = 1;
  const auto store = open();
  EXPECT_TRUE(restore(*store).has_value());
}

TEST_F(Snapshots, AfterClearTheFirstNewOneTakesThePlaceOfAll) {
  const auto store = open();
  restore(*store);
  snapshot(*store, 100);
  snapshot(*store, 100);
  store->clear();
  life_.go_back({});
  expect_equal(*store, {});
  EXPECT_EQ(files().size(), 2u);
  snapshot(*store, 30);
  EXPECT_EQ(files(), std::vector{snapshot_name(30)});
}

TEST_F(Snapshots, TheSameStatesAreTheSameBytesHoweverTheyCameAbout) {
  std::array<Bytes, 2> bytes;
  for (const bool restarted : {false, true}) {
    env_.advance(std::chrono::hours(1));
    StateLife life(3, 5000);
    auto store = open();
    store->clear();
    ASSERT_TRUE(life.live(*store, 3000).has_value());
    if (restarted) {
      ASSERT_TRUE(store->commit(life.now().mark, true).has_value());
      store.reset();
      store = open();
      restore(*store);
    }
    ASSERT_TRUE(life.live(*store, 3000).has_value());
    ASSERT_TRUE(store->commit(life.now().mark, true).has_value());
    bytes[restarted ? 1 : 0] = bytes_of(6000);
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST_F(Snapshots, AFolderIsOneStores) {
  const auto store = open();
  const auto second = open_memory_store(env_, kFolder, folds_.all(), {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
}

TEST_F(Snapshots, AFullDiskLeavesTheOldOnesAndTheStates) {
  const auto store = open();
  restore(*store);
  snapshot(*store, 100);
  const Moment durable = life_.now();
  env_.set_capacity(0);
  ASSERT_TRUE(life_.live(*store, 500).has_value());
  const auto full = store->commit(life_.now().mark, true);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, Code::kNoSpace);
  EXPECT_EQ(files(), std::vector{snapshot_name(100)});
  expect_equal(*store, life_.now().contents);
  env_.set_capacity(std::nullopt);
  snapshot(*store, 1);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(Snapshots, KeysOfThePastAreFoundInOneBlock) {
  StateLife life(5, 20'000);
  std::array<Moment, 2> moments;
  {
    const auto store = open();
    restore(*store);
    for (Moment& moment : moments) {
      ASSERT_TRUE(life.live(*store, 20'000).has_value());
      ASSERT_TRUE(store->commit(life.now().mark, true).has_value());
      moment = life.now();
    }
  }
  const auto past = list_past(env_, kFolder).value();
  ASSERT_EQ(past.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const Moment& moment = moments[1 - i];
    ASSERT_EQ(past[i]->mark(), moment.mark);
    for (std::size_t fold = 0; fold < 2; ++fold) {
      std::map<std::string, std::string> all;
      ASSERT_TRUE(past[i]
                      ->for_each(fold,
                                 [&](ByteView key, ByteView state) -> Result<void> {
                                   all.emplace(as_text(key), as_text(state));
                                   return {};
                                 })
                      .has_value());
      ASSERT_TRUE(all == moment.contents[fold]);
      for (int draw = 0; draw < 2000; ++draw) {
        const std::string text = life.draw_key();
        const auto found = past[i]->find(fold, Key(as_bytes(text)));
        ASSERT_TRUE(found.has_value()) << found.error().text();
        const auto wanted = moment.contents[fold].find(text);
        ASSERT_EQ(found->has_value(), wanted != moment.contents[fold].end()) << text;
        if (found->has_value()) EXPECT_EQ(as_text(**found), wanted->second);
      }
    }
  }
  EXPECT_TRUE(list_past(env_, "/nowhere").value().empty());
}

// Two keys of one fold, none of the other: docs/formats.md shows it.
TEST_F(Snapshots, TheBytesAreThoseOfTheGoldenFile) {
  {
    const auto store = open();
    restore(*store);
    for (const std::string text : {"customer:7", "customer:42"}) {
      const Key key(as_bytes(text));
      *static_cast<std::string*>(store->open(0, key, false).value()) = "state of " + text;
      store->close(0, key, Verdict::kKeep, 0);
    }
    ASSERT_TRUE(store
                    ->commit({.checkpoint = Checkpoint::of_store(3),
                              .event_count = 2,
                              .event_time_ms_max = 1'700'000'000'000,
                              .recorded_us_max = 1'700'000'000'000'001,
                              .extras = Bytes(3, std::byte{0xee})},
                             true)
                    .has_value());
  }
  const Bytes bytes = bytes_of(2);
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(kGolden) << golden_text(bytes);
  std::stringstream golden;
  golden << std::ifstream(kGolden).rdbuf();
  EXPECT_EQ(golden_text(bytes), golden.str());
  golden.seekg(0);
  write(2, parse_golden_text(golden));
  const auto store = open();
  EXPECT_EQ(restore(*store)->event_count, 2u);
  EXPECT_EQ(contents_of(*store)[0].at("customer:42"), "state of customer:42");
}

}  // namespace
}  // namespace stele::projections
