// The simulated Env: numbered calls, fault plans, crashes, capacity, time, and the same trace for
// the same seed.
#include "tests/support/sim_env.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tests/support/crash_states.h"

namespace stele {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

std::string text(const SimDisk& disk, const std::string& path) {
  return disk.exists(path) ? std::string(as_text(disk.bytes(path))) : "(none)";
}

std::unique_ptr<File> open(SimEnv& env, const std::string& path, bool direct = false) {
  auto file = env.open(path, OpenMode::kCreate, direct);
  EXPECT_TRUE(file);
  return file ? std::move(*file) : nullptr;
}

// Some of everything; stops at the first error.
Result<void> workload(SimEnv& env) {
  STELE_DO(env.make_folder("/d"));
  STELE_DO(env.sync_folder("/"));
  STELE_TRY(auto file, env.open("/d/a", OpenMode::kCreate));
  STELE_DO(file->reserve(0, 8192));
  STELE_DO(file->write(as_bytes("first"), 0));
  STELE_DO(file->sync());
  STELE_DO(env.rename("/d/a", "/d/b"));
  STELE_DO(env.sync_folder("/d"));
  Result<void> flushed;
  bool done = false;
  env.write_durably(*file, as_bytes("second"), 5, [&](Result<void> result) {
    flushed = std::move(result);
    done = true;
  });
  while (!done) env.wait(seconds(1));
  STELE_DO(flushed);
  STELE_DO(file->truncate(8));
  Bytes back(8);
  STELE_TRY([[maybe_unused]] std::size_t got, file->read(back, 0));
  STELE_TRY(auto entries, env.list("/d"));
  for (const FolderEntry& entry : entries) STELE_DO(env.remove("/d/" + entry.name));
  return {};
}

TEST(SimEnv, TheSameSeedGivesTheSameTrace) {
  auto trace = [](std::uint64_t seed) {
    SimEnv env({}, {.seed = seed});
    env.inject({.op = SimOp::kTruncate, .effect = SimEffect::kIo});
    EXPECT_FALSE(workload(env));
    auto file = open(env, "/d/b");
    std::string order;
    for (char name : {'a', 'b', 'c', 'd', 'e', 'f'}) {
      env.write_durably(*file, as_bytes("x"), static_cast<std::uint64_t>(name),
                        [&order, name](auto) { order += name; });
    }
    while (env.pending_count() > 0) env.poll();
    return std::pair(env.trace_hash(), order + std::to_string(env.random()));
  };
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(trace(seed), trace(seed));
    orders.insert(trace(seed).second.substr(0, 6));
  }
  EXPECT_GT(orders.size(), 10U) << "durable writes finish in an order that the seed draws";
}

TEST(SimEnv, AfterTheCrashNothingWorksAndNothingChanges) {
  SimEnv whole;
  ASSERT_TRUE(workload(whole));
  ASSERT_EQ(whole.change_count(), 12U);
  for (std::uint64_t n = 0; n < whole.change_count(); ++n) {
    SimEnv env;
    env.crash_after(n);
    Result<void> outcome = workload(env);
    ASSERT_FALSE(outcome) << n;
    EXPECT_EQ(outcome.error().code, Code::kIo);
    EXPECT_TRUE(outcome.error().detail.contains("crashed")) << outcome.error().detail;
    EXPECT_EQ(env.change_count(), n);
    ImageHash before = env.disk().image_hash();
    EXPECT_FALSE(env.make_folder("/x"));
    EXPECT_FALSE(env.list("/"));
    EXPECT_EQ(env.open("/d/b", OpenMode::kCreate).error().code, Code::kIo);
    EXPECT_EQ(env.disk().image_hash(), before);
  }
}

TEST(SimEnv, ACrashBeforeCompletionLeavesTheDurableWriteOpen) {
  SimEnv env;
  env.disk().set_bytes("/a", as_bytes("old"));
  auto file = open(env, "/a");
  env.crash_after(env.change_count() + 1);
  std::optional<Code> code;
  env.write_durably(*file, as_bytes("new"), 0, [&](auto result) { code = result.error().code; });
  while (env.pending_count() > 0) env.poll();
  EXPECT_EQ(code, Code::kIo);
  EXPECT_EQ(text(CrashStates(env.disk()).canonical(0), "/a"), "old");
  EXPECT_EQ(text(CrashStates(env.disk()).canonical(1), "/a"), "new");
}

TEST(SimEnv, EveryCallCanFailInTurn) {
  SimEnv whole;
  ASSERT_TRUE(workload(whole));
  for (SimEffect effect : {SimEffect::kIo, SimEffect::kNoSpace, SimEffect::kOverloaded}) {
    std::size_t failed = 0;
    for (std::uint64_t n = 0; n < whole.call_count(); ++n) {
      SimEnv env;
      env.inject({.nth = n, .effect = effect});
      Result<void> outcome = workload(env);
      failed += env.fired_count();
      EXPECT_EQ(outcome.has_value(), env.fired_count() == 0) << n;
    }
    EXPECT_EQ(failed, whole.call_count() - 1) << "a completion does not fail by itself";
  }
}

TEST(SimEnv, FaultsHitTheirKindPathAndNumber) {
  SimEnv env;
  auto a = open(env, "/a");
  auto b = open(env, "/b");
  env.inject({.op = SimOp::kWrite, .nth = 1, .effect = SimEffect::kNoSpace, .path = "/a"});
  EXPECT_TRUE(a->write(as_bytes("1"), 0));
  EXPECT_TRUE(b->write(as_bytes("1"), 0));
  EXPECT_EQ(a->write(as_bytes("2"), 0).error().code, Code::kNoSpace);
  EXPECT_TRUE(a->write(as_bytes("3"), 0));
  env.inject({.op = SimOp::kOpen, .effect = SimEffect::kOverloaded, .sticky = true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(env.open("/a", OpenMode::kRead).error().code, Code::kOverloaded);
  }
  env.clear_faults();
  EXPECT_TRUE(env.open("/a", OpenMode::kRead));
  EXPECT_EQ(env.fired_count(), 4U);
}

TEST(SimEnv, AFailedWriteMayBeThereInPart) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    SimEnv env({}, {.seed = seed});
    auto file = open(env, "/a");
    env.inject({.op = SimOp::kWrite});
    EXPECT_FALSE(file->write(as_bytes(std::string(1024, 'x')), 0));
    seen.insert(text(env.disk(), "/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", std::string(512, 'x'), std::string(1024, 'x')}));
}

TEST(SimEnv, ALostWriteAnswersSuccessAndIsNotThere) {
  SimEnv env;
  env.disk().set_bytes("/a", as_bytes("old"));
  auto file = open(env, "/a");
  env.inject({.effect = SimEffect::kLost, .sticky = true});
  EXPECT_TRUE(file->write(as_bytes("new and longer"), 0));
  bool done = false;
  env.write_durably(*file, as_bytes("new"), 100, [&](auto result) { done = result.has_value(); });
  while (env.pending_count() > 0) env.poll();
  EXPECT_TRUE(done);
  EXPECT_EQ(text(env.disk(), "/a"), "old");
  EXPECT_EQ(text(CrashStates(env.disk()).canonical(0), "/a"), "old");
}

TEST(SimEnv, AMisdirectedWriteLandsOnAnotherPage) {
  SimEnv env;
  env.disk().set_bytes("/a", as_bytes(std::string(3 * kPageBytes, 'o')));
  auto file = open(env, "/a");
  env.inject({.effect = SimEffect::kMisdirected});
  EXPECT_TRUE(file->write(as_bytes("new"), kPageBytes + 7));
  std::string left = text(env.disk(), "/a");
  std::size_t place = left.find("new");
  EXPECT_EQ(left.size(), 3 * kPageBytes);
  EXPECT_TRUE(place == 7 || place == 2 * kPageBytes + 7) << place;
}

TEST(SimEnv, AShortReadAnswersFewerBytes) {
  SimEnv env;
  env.disk().set_bytes("/a", as_bytes("0123456789"));
  auto file = open(env, "/a");
  env.inject({.effect = SimEffect::kShortRead});
  Bytes back(10);
  EXPECT_LT(file->read(back, 0).value_or(99), 10U);
  EXPECT_EQ(file->read(back, 0), 10U);
}

TEST(SimEnv, AFailedDurableWriteIsNeverDurableByALaterSync) {
  SimEnv env({}, {.seed = 3});
  env.disk().set_bytes("/a", as_bytes("old"));
  auto file = open(env, "/a");
  env.inject({.op = SimOp::kWriteDurably});
  std::optional<Code> code;
  env.write_durably(*file, as_bytes("new"), 0, [&](auto result) { code = result.error().code; });
  while (env.pending_count() > 0) env.poll();
  EXPECT_EQ(code, Code::kIo);
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(text(CrashStates(env.disk()).canonical(0), "/a"), "old");
}

TEST(SimEnv, AFullDiskRefusesAndHeals) {
  SimEnv env;
  env.set_capacity(4 * kPageBytes);
  auto a = open(env, "/a");
  auto b = open(env, "/b");
  ASSERT_TRUE(a->reserve(0, 2 * kPageBytes));
  ASSERT_TRUE(b->write(as_bytes(std::string(2 * kPageBytes, 'x')), 0));
  EXPECT_EQ(env.free_bytes("/"), 0U);
  EXPECT_EQ(b->write(as_bytes("x"), 2 * kPageBytes).error().code, Code::kNoSpace);
  EXPECT_EQ(a->reserve(2 * kPageBytes, 1).error().code, Code::kNoSpace);
  EXPECT_TRUE(b->write(as_bytes("over"), 0));
  EXPECT_TRUE(a->write(as_bytes(std::string(2 * kPageBytes, 'r')), 0)) << "what was reserved";
  std::optional<Code> code;
  env.write_durably(*b, as_bytes("x"), 2 * kPageBytes, [&](auto r) { code = r.error().code; });
  while (env.pending_count() > 0) env.poll();
  EXPECT_EQ(code, Code::kNoSpace);
  a.reset();
  ASSERT_TRUE(env.remove("/a"));
  EXPECT_EQ(env.free_bytes("/"), 2 * kPageBytes);
  EXPECT_TRUE(b->write(as_bytes("x"), 2 * kPageBytes));
  ASSERT_TRUE(b->truncate(0));
  EXPECT_EQ(env.free_bytes("/"), 4 * kPageBytes);
}

TEST(SimEnv, TimeMovesOnlyWhenToldOrCalled) {
  SimEnv env;
  auto before = env.now();
  EXPECT_EQ(env.now(), before);
  env.advance(seconds(5));
  EXPECT_EQ(env.now() - before, seconds(5));
  std::int64_t wall = env.wall_us();
  env.jump_wall(-microseconds(1'000'000));
  EXPECT_EQ(env.wall_us(), wall - 1'000'000);
  EXPECT_EQ(env.now() - before, seconds(5));
}

TEST(SimEnv, ADroppedCacheAnswersNothingUntilRead) {
  SimEnv env;
  env.disk().set_bytes("/a", as_bytes("0123"));
  auto file = open(env, "/a");
  Bytes back(4);
  EXPECT_EQ(file->read_cached(back, 0), 4U);
  file->drop_cache();
  EXPECT_EQ(file->read_cached(back, 0), 0U);
  EXPECT_EQ(file->read(back, 0), 4U);
  EXPECT_EQ(file->read_cached(back, 0), 4U);
}

TEST(SimEnv, WithoutDirectAccessFilesArePlainAndItSaysSo) {
  SimEnv env({}, {.direct = false});
  EXPECT_FALSE(open(env, "/a", true)->direct());
  ASSERT_EQ(env.reports().size(), 1U);
  EXPECT_EQ(env.reports()[0].line, "direct_io_unavailable path=/a");
}

TEST(SimEnv, ALockFileMakesNoCrashStates) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/d") && env.sync_folder("/"));
  auto lock = env.lock("/d");
  ASSERT_TRUE(lock);
  EXPECT_EQ(CrashStates(env.disk()).each(10, 1, [](const auto&, const auto&) {}), 1U);
  EXPECT_EQ(env.lock("/d").error().detail, "folder /d is in use by sim, pid 1 on host sim");
}

}  // namespace
}  // namespace stele
