// Bytes of run files that change on disk: nothing wrong is ever answered, and the next start makes
// up for what was lost. STELE_COUNT sets how many bits of each block are flipped.
#include "log/index/run_format.h"
#include "tests/log/index/index_model.h"

namespace stele::log {
namespace {

constexpr TermIndexOptions kOptions{
    .tail_bytes_max = 64 << 20, .cache_bytes_max = 0, .merge_count = 8};

class IndexDamage : public testing::Test {
protected:
  // Two runs with short and long lists, several topics, long keys.
  void SetUp() override {
    auto index = open(env_);
    for (int run = 0; run < 2; ++run) {
      for (int i = 0; i < 200; ++i) {
        const Position before = model_.end();
        model_.add(random_.below(3), random_records(random_, 300), 0);
        model_.replay(*index, before);
      }
      for (int i = 0; i < 9000; ++i) {  // a list of several blocks
        const Position before = model_.end();
        model_.add(0, std::vector<ModelRecord>(1 + random_.below(3)), 0);
        if (i % 2 == 0) model_.add(0, {{{{TermKind::kTag, 0, "everywhere"}}}}, 0);
        model_.replay(*index, before);
      }
      ASSERT_TRUE(index->flush(model_.end()).has_value());
    }
    whole_ = env_.disk().killed();
  }
  static std::unique_ptr<TermIndex> open(SimEnv& env) {
    auto index = TermIndex::open(env, kIndexFolder, test_store(), kOptions);
    EXPECT_TRUE(index.has_value()) << index.error().text();
    return index ? *std::move(index) : nullptr;
  }
  static std::vector<std::string> run_files(SimEnv& env) {
    std::vector<std::string> paths;
    const auto entries = env.list(kIndexFolder);
    for (const FolderEntry& entry : *entries)
      paths.push_back(std::string(kIndexFolder) + "/" + entry.name);
    return paths;
  }
  static void write(SimEnv& env, const std::string& path, std::uint64_t at, std::byte value) {
    auto file = env.open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->write(ByteView(&value, 1), at).has_value());
    ASSERT_TRUE((*file)->sync().has_value());
  }
  // Every answer is right or kCorrupt; true if one was kCorrupt.
  bool expect_right_or_corrupt(const TermIndex& index) {
    bool corrupt = false;
    const auto is_corrupt = [&](const auto& result) {
      if (result.has_value()) return false;
      EXPECT_EQ(result.error().code, Code::kCorrupt) << result.error().text();
      return corrupt = true;
    };
    for (const auto& [model, events] : model_.terms()) {
      const Term term = model.term(index.hasher());
      const auto head = index.head(term.view());
      if (!is_corrupt(head)) {
        EXPECT_TRUE(*head && (*head)->count == std::ssize(events.positions)) << model.bytes;
      }
      auto reader = index.postings(term.view());
      if (is_corrupt(reader)) continue;
      const auto all = (*reader)->forward(Position(0), events.positions.size() + 1);
      if (!is_corrupt(all)) EXPECT_EQ(all->size(), events.positions.size()) << model.bytes;
      for (std::size_t i = 0; all && i < std::min(all->size(), events.positions.size()); ++i) {
        EXPECT_EQ((*all)[i].position, events.positions[i]);
        EXPECT_EQ((*all)[i].number, static_cast<std::int64_t>(i));
      }
    }
    return corrupt;
  }
  // Damage is seen at once or never answered wrongly; the start after it has everything again.
  void expect_survives(const std::string& path, std::uint64_t at, std::byte value) {
    SCOPED_TRACE(path + " byte " + std::to_string(at));
    SimEnv env(whole_);
    write(env, path, at, value);
    const auto index = open(env);
    ASSERT_NE(index, nullptr);
    bool seen = index->indexed_to() < model_.end();
    model_.replay(*index, index->indexed_to());
    seen |= expect_right_or_corrupt(*index);
    seen |=
        !index->for_each(TermKind::kTag, {}, [](const TermView&, const TermHead&) { return true; })
             .has_value();
    settle(env, *index, Position(0));
    // Blocks that nobody read may be damaged; what was seen is gone after the next start.
    SimEnv again(env.disk().killed());
    const auto next = open(again);
    ASSERT_NE(next, nullptr);
    if (seen) EXPECT_LT(next->indexed_to(), model_.end());
    model_.replay(*next, next->indexed_to());
    EXPECT_FALSE(expect_right_or_corrupt(*next));
    ++(seen ? seen_ : unseen_);
  }

  SimEnv env_;
  SimRandom random_{seed_or(5)};
  IndexModel model_;
  SimDisk whole_;
  int seen_ = 0;
  int unseen_ = 0;
};

TEST_F(IndexDamage, OfAnyBlockIsFoundOrHarmless) {
  const char* text = std::getenv("STELE_COUNT");
  const int per_block = text == nullptr ? 2 : std::atoi(text);
  for (const std::string& path : run_files(env_)) {
    const Bytes bytes = env_.disk().bytes(path);
    ASSERT_GT(bytes.size(), 10 * kBlockBytes);
    for (std::size_t block = 0; block < bytes.size(); block += kBlockBytes) {
      for (int i = 0; i < per_block; ++i) {
        // Headers are where a reader looks first; half of the flips go there.
        const std::size_t at = block + random_.below(i % 2 == 0 ? kRunHeaderBytes : kBlockBytes);
        expect_survives(path, at, bytes[at] ^ std::byte{1} << random_.below(8));
        if (HasFailure()) return;
      }
    }
  }
  // Everything is read by somebody, but blocks of postings' neighbours and filters' zeros are not
  // always.
  EXPECT_GT(seen_, 9 * unseen_);
}

TEST_F(IndexDamage, OfAFilesLengthOrNameEndsTheChain) {
  const std::vector<std::string> paths = run_files(env_);
  ASSERT_EQ(paths.size(), 2u);
  struct Case {
    const char* name;
    std::size_t file;  // the damaged one
    std::uint64_t bytes;
  };
  const std::uint64_t size = env_.disk().bytes(paths[1]).size();
  for (const Case& c : {Case{"empty", 1, 0}, Case{"a block short", 1, size - kBlockBytes},
                        Case{"half a block", 1, size - 100},
                        Case{"a block long", 1, size + kBlockBytes}, Case{"the oldest", 0, 4096}}) {
    SCOPED_TRACE(c.name);
    SimEnv env(whole_);
    ASSERT_TRUE((*env.open(paths[c.file], OpenMode::kReadWrite))->truncate(c.bytes).has_value());
    const auto index = open(env);
    ASSERT_NE(index, nullptr);
    EXPECT_EQ(index->stats().run_count, static_cast<std::int64_t>(c.file));
    EXPECT_EQ(run_files(env).size(), c.file);
    EXPECT_EQ(env.reports().size(), 1u);
    model_.replay(*index, index->indexed_to());
    EXPECT_FALSE(expect_right_or_corrupt(*index));
  }
  SimEnv env(whole_);
  ASSERT_TRUE(env.rename(paths[1], paths[0]).has_value());  // one run under another's name
  EXPECT_EQ(open(env)->indexed_to(), Position(0));
}

TEST_F(IndexDamage, ARunOfAnotherStoreIsNotTaken) {
  SimEnv env(whole_);
  const auto other = TermIndex::open(env, kIndexFolder, Uuid::from_random(1, 2), kOptions);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ((*other)->indexed_to(), Position(0));
}

}  // namespace
}  // namespace stele::log
