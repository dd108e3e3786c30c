// The index of a stopped store beside one built anew: nothing differs after lives of every kind;
// what is made to differ is named; a rebuild is as good as what was there; a start makes up for
// runs that are lost or damaged.
#include "log/store/index_verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "log/format/batch_builder.h"
#include "log/store/gather_terms.h"
#include "log/store/store.h"
#include "tests/support/crash_states.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

constexpr const char* kIndex = "/data/index";
constexpr int kStreams = 40;

class IndexVerify : public testing::Test {
protected:
  IndexVerify() {
    options_.index = {.tail_bytes_max = 24 << 10, .cache_bytes_max = 1 << 14, .merge_count = 8};
  }

  void open(SimEnv& env) {
    store_.reset();
    auto store = Store::open("/data", env, options_);
    ASSERT_TRUE(store.has_value()) << store.error().text();
    store_ = *std::move(store);
  }
  void close() {
    ASSERT_TRUE(store_->close().has_value());
    store_.reset();
  }
  // Batches of two topics with streams, types, tags and ids; cuts and merges beside them.
  void fill(int batches) {
    for (const char* name : {"a", "b"}) {
      if (store_->find_topic(name) == nullptr)
        ASSERT_TRUE(
            store_
                ->create_topic(
                    {.name = name, .partition_count = 2, .settings = {{"segment.bytes", "16384"}}})
                .has_value());
    }
    for (int i = 0; i < batches; ++i) {
      append(random_.chance(70) ? "a" : "b", static_cast<std::int32_t>(random_.below(2)));
      store_->maintain();
      store_->poll();
    }
  }
  void append(std::string_view topic, std::int32_t partition) {
    BatchBuilder builder({.codec = Codec::kLz4});
    for (std::uint64_t left = 1 + random_.below(20); left > 0; --left) {
      const std::string key = "s" + std::to_string(random_.below(kStreams));
      const std::string tags = "t" + std::to_string(random_.below(5));
      const std::string id = "id" + std::to_string(++last_id_);
      const std::vector<HeaderView> headers{
          {"ce_type", as_bytes("Placed")}, {"ce_tags", as_bytes(tags)}, {"ce_id", as_bytes(id)}};
      ASSERT_TRUE(builder
                      .add({.key = as_bytes(key),
                            .value = as_bytes("value"),
                            .headers = headers,
                            .timestamp_ms = 1})
                      .has_value());
      ++versions_[std::string(topic) + "/" + key];
    }
    AppendRequest request;
    const auto bytes = std::make_shared<const Bytes>(builder.finish().value());
    request.batches.push_back({.to = {store_->find_topic(topic)->id, partition},
                               .batch = *bytes,
                               .min_timestamp_ms = 1,
                               .max_timestamp_ms = 1});
    request.owner = bytes;
    ASSERT_TRUE(store_->append(std::move(request)).has_value());
  }
  /// `or_corrupt`: a damaged block may be met, and says so.
  void expect_versions(bool or_corrupt = false) {
    for (const auto& [name, count] : versions_) {
      const Term term = store_->index().hasher().stream(store_->find_topic(name.substr(0, 1))->id,
                                                        as_bytes(std::string_view(name).substr(2)));
      const auto head = store_->index().head(term.view());
      if (or_corrupt && !head) {
        EXPECT_EQ(head.error().code, Code::kCorrupt);
        continue;
      }
      ASSERT_TRUE(head && *head) << name;
      EXPECT_EQ((*head)->count, count) << name;
    }
  }

  [[nodiscard]] IndexVerifyOptions verify_options() const {
    return {.index = {.tail_bytes_max = 40 << 10, .hash_mask = options_.index.hash_mask}};
  }
  IndexReport verify(SimEnv& env) const {
    auto report = verify_index(env, "/data", verify_options());
    EXPECT_TRUE(report.has_value()) << report.error().text();
    return report ? *std::move(report) : IndexReport{};
  }
  IndexReport rebuild(SimEnv& env) const {
    auto report = rebuild_index(env, "/data", verify_options());
    EXPECT_TRUE(report.has_value()) << report.error().text();
    return report ? *std::move(report) : IndexReport{};
  }
  void expect_whole(SimEnv& env) const {
    const IndexReport report = verify(env);
    EXPECT_TRUE(report.whole()) << text_of(report);
    EXPECT_GT(report.counts.postings, 0);
  }
  static std::string text_of(const IndexReport& report) {
    std::string text;
    for (const VerifyProblem& one : report.problems) text += one.place + ": " + one.what + "\n";
    return text;
  }
  static std::vector<std::string> runs(SimEnv& env) {
    std::vector<std::string> paths;
    for (const FolderEntry& entry : env.list(kIndex).value())
      paths.push_back(std::string(kIndex) + "/" + entry.name);
    return paths;
  }
  static std::map<std::string, Bytes> contents(SimEnv& env, const std::string& folder) {
    std::map<std::string, Bytes> files;
    for (const FolderEntry& entry : env.list(folder).value()) {
      const std::string path = folder + "/" + entry.name;
      if (entry.is_folder) {
        files.merge(contents(env, path));
        files[path];
      } else if (entry.name != "LOCK") {
        files[path] = env.disk().bytes(path);
      }
    }
    return files;
  }

  SimEnv env_;
  SimRandom random_{3};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::map<std::string, std::int64_t> versions_;  // events by topic/stream
  int last_id_ = 0;
};

TEST_F(IndexVerify, AnIndexIsWhatTheLogSaysAndNothingIsChanged) {
  open(env_);
  fill(110);
  close();
  ASSERT_GT(runs(env_).size(), 1u);
  const auto before = contents(env_, "/data");
  const IndexReport report = verify(env_);
  EXPECT_TRUE(report.whole()) << text_of(report);
  EXPECT_LE(report.end, report.log_end);
  EXPECT_GT(report.counts.terms, kStreams);
  EXPECT_TRUE(contents(env_, "/data") == before);
  ASSERT_TRUE(env_.make_folder("/elsewhere").has_value());
  auto options = verify_options();
  options.scratch = "/elsewhere";
  EXPECT_TRUE(verify_index(env_, "/data", options)->whole());
  EXPECT_TRUE(contents(env_, "/data") == before);
}

TEST_F(IndexVerify, SomebodysFolderIsNoScratch) {
  open(env_);
  fill(10);
  close();
  auto options = verify_options();
  options.scratch = "/data/topics";
  const auto before = contents(env_, "/data");
  const auto report = verify_index(env_, "/data", options);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, Code::kInvalid);
  EXPECT_TRUE(contents(env_, "/data") == before);
}

TEST_F(IndexVerify, CollidingHashesAreNoDifference) {
  options_.index.hash_mask = 3;
  open(env_);
  fill(60);
  close();
  expect_whole(env_);
}

TEST_F(IndexVerify, WhatStandsInTheJournalAloneCountsAfterAKill) {
  open(env_);
  fill(150);
  SimEnv killed(env_.disk().killed());
  const IndexReport report = verify(killed);
  EXPECT_TRUE(report.whole()) << text_of(report);
  EXPECT_GT(report.end, Position(0));
  EXPECT_LE(report.end, report.log_end);
  EXPECT_EQ(report.log_end, store_->end());
}

TEST_F(IndexVerify, EventsThatWereLetGoOfStayCounted) {
  open(env_);
  fill(150);
  const TopicPtr topic = store_->find_topic("a");
  for (std::int32_t i = 0; i < 2; ++i)
    ASSERT_TRUE(store_->delete_records({topic->id, i}, Offset(200)).has_value());
  ASSERT_TRUE(store_->delete_topic(store_->find_topic("b")->id).has_value());
  std::erase_if(versions_, [](const auto& one) { return one.first.starts_with("b/"); });
  fill(5);
  close();
  const IndexReport report = verify(env_);
  EXPECT_TRUE(report.whole()) << text_of(report);
  EXPECT_GT(report.counts.gone_postings, 0);
  EXPECT_GT(report.counts.deleted_postings, 0);
  EXPECT_TRUE(rebuild(env_).replaced);
  EXPECT_EQ(runs(env_).size(), 1u);
  const IndexReport after = verify(env_);
  EXPECT_TRUE(after.whole()) << text_of(after);
  EXPECT_EQ(after.counts.gone_postings, report.counts.gone_postings);
  EXPECT_EQ(after.counts.deleted_postings, 0);
  open(env_);
  expect_versions();
}

// An index with one thing wrong, made by telling it of the log with a slip.
class IndexSlip : public IndexVerify {
protected:
  enum class Slip { kNone, kMissing, kTwice, kPartition, kKey };
  void write_index(Slip slip) {
    open(env_);
    const Uuid id = store_->id();
    const auto read = store_->read_all(Position(0), 64 << 20).value();
    for (const std::string& run : runs(env_)) ASSERT_TRUE(env_.remove(run).has_value());
    auto index = TermIndex::open(env_, kIndex, id, {}).value();
    Decompressor decompressor;
    int number = 0;
    Position end;
    for (const OrderedBatch& batch : read.batches) {
      end = batch.position.next(batch.record_count);
      const bool indexed = is_indexed(*store_->find_topic(batch.from.topic));
      const bool slips = indexed && ++number == 3;
      if (!indexed || (slips && slip == Slip::kMissing)) continue;
      const auto terms =
          gather_terms(index->hasher(), batch.from.topic, batch.batch, decompressor).value();
      BatchTerms told(index->hasher(), batch.from.topic);
      for (const BatchTerms::Entry& entry : terms->entries()) {
        const bool wrong = slips && slip == Slip::kKey && entry.kind == TermKind::kStream;
        told.add(entry.record_index, entry.kind,
                 wrong ? as_bytes("another") : terms->term(entry).bytes);
        if (slips && slip == Slip::kTwice && entry.record_index > 0)
          told.add(entry.record_index, TermKind::kStream, as_bytes("too many"));
      }
      index->add(told, batch.position,
                 slips && slip == Slip::kPartition ? 77 : batch.from.partition);
      index->advance(end);
    }
    store_.reset();
    ASSERT_TRUE(index->flush(end).has_value());
  }
};

TEST_F(IndexSlip, IsNamed) {
  open(env_);
  fill(4);
  close();
  struct Case {
    Slip slip;
    const char* first;
  };
  for (const Case& c :
       {Case{Slip::kNone, ""}, Case{Slip::kMissing, "is in the log; it is missing on disk"},
        Case{Slip::kTwice, "stream 'too many' of topic "},
        Case{Slip::kPartition, "on disk it is 77"},
        Case{Slip::kKey, "is on disk; no such event is in the log"}}) {
    SCOPED_TRACE(c.first);
    ASSERT_NO_FATAL_FAILURE(write_index(c.slip));
    const IndexReport report = verify(env_);
    EXPECT_EQ(report.whole(), c.slip == Slip::kNone) << text_of(report);
    EXPECT_NE(text_of(report).find(c.first), std::string::npos) << text_of(report);
    EXPECT_TRUE(rebuild(env_).replaced);
    expect_whole(env_);
  }
}

// --- lost and damaged runs ---

struct Harm {
  const char* name;
  void (*harm)(SimEnv& env, const std::string& path);
  bool refused_at_open;
};
void take_away(SimEnv& env, const std::string& path) {
  EXPECT_TRUE(env.remove(path).has_value());
}
void cut_short(SimEnv& env, const std::string& path) {
  const Bytes bytes = env.disk().bytes(path);
  env.disk().set_bytes(path, ByteView(bytes).first(bytes.size() / 2));
}
void flip_in_footer(SimEnv& env, const std::string& path) {
  env.disk().flip_bit(path, env.disk().bytes(path).size() - 4000);
}
void flip_in_entries(SimEnv& env, const std::string& path) {
  env.disk().flip_bit(path, 100);
}

class IndexHarm : public IndexVerify, public testing::WithParamInterface<Harm> {};

TEST_P(IndexHarm, IsNamedAndARebuildOrAStartMakesUpForIt) {
  open(env_);
  fill(110);
  close();
  ASSERT_GT(runs(env_).size(), 1u);
  const auto versions = versions_;
  for (const bool by_start : {false, true}) {
    for (std::size_t i = 0; i < runs(env_).size(); ++i) {
      SCOPED_TRACE("run " + std::to_string(i) + (by_start ? ", a start" : ", a rebuild"));
      SimEnv env(env_.disk().killed());
      const std::string path = runs(env)[i];
      const bool last = i + 1 == runs(env).size();
      GetParam().harm(env, path);
      // The newest run need not have been there.
      const IndexReport report = verify(env);
      EXPECT_EQ(report.whole(), last && GetParam().harm == take_away) << text_of(report);
      if (!by_start) {
        EXPECT_TRUE(rebuild(env).replaced);
        expect_whole(env);
      }
      open(env);
      expect_versions(by_start && !GetParam().refused_at_open);
      EXPECT_EQ(std::ranges::count_if(
                    env.reports(),
                    [](const SimReport& one) { return one.line.contains("index_run_damaged"); }),
                by_start && GetParam().refused_at_open ? 1 : 0);
      // A damaged block is found when it is read; then the next start rebuilds.
      fill(1);
      close();
      open(env);
      expect_versions();
      close();
      expect_whole(env);
      versions_ = versions;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Harms, IndexHarm,
                         testing::Values(Harm{"Missing", take_away, false},
                                         Harm{"Truncated", cut_short, true},
                                         Harm{"FooterFlipped", flip_in_footer, true},
                                         Harm{"EntriesFlipped", flip_in_entries, false}),
                         [](const auto& tested) { return tested.param.name; });

TEST_F(IndexVerify, NothingIsRebuiltWhereTheLogCannotSayWhatWasThere) {
  open(env_);
  fill(150);
  for (std::int32_t i = 0; i < 2; ++i)
    ASSERT_TRUE(store_->delete_records({store_->find_topic("a")->id, i}, Offset(200)).has_value());
  close();
  for (const auto harm : {take_away, flip_in_entries}) {
    SimEnv env(env_.disk().killed());
    harm(env, runs(env).front());
    const auto before = contents(env, "/data");
    const auto report = rebuild_index(env, "/data", verify_options());
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, Code::kCorrupt);
    EXPECT_TRUE(contents(env, "/data") == before);
  }
}

TEST_F(IndexVerify, ARebuildThatIsCutOffLeavesTheOldIndexOrTheNewOne) {
  open(env_);
  fill(60);
  close();
  const SimDisk stopped = env_.disk().killed();
  std::uint64_t changes = 0;
  {
    SimEnv env(stopped);
    EXPECT_TRUE(rebuild(env).replaced);
    changes = env.change_count();
  }
  ASSERT_GT(changes, 10u);
  for (std::uint64_t n = 0; n < changes; ++n) {
    SCOPED_TRACE("crash after change " + std::to_string(n));
    SimEnv env(stopped);
    env.crash_after(n);
    const auto rebuilt = rebuild_index(env, "/data", verify_options());
    static_cast<void>(rebuilt);  // it succeeded if only the lock was still to go
    CrashStates(env.disk()).each(4, n, [&](const SimDisk& state, const std::string& name) {
      SCOPED_TRACE(name);
      SimEnv again(state);
      open(again);
      if (HasFatalFailure()) return;
      expect_versions();
      EXPECT_TRUE(std::ranges::none_of(again.list(kIndex).value(), [](const FolderEntry& entry) {
        return entry.name == kScratchFolder;
      }));
      close();
      expect_whole(again);
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace stele::log
