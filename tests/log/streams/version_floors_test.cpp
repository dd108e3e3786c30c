// Version floors: what was kept is read back in order, each event once, over merges, reopening,
// crashes at every change of the disk, and damage. STELE_SEED replays the model test.
#include "log/streams/version_floors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <numeric>

#include "tests/support/crash_states.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

struct Removed {
  Uuid topic;
  std::string key;
  std::int32_t partition = 0;
  friend bool operator==(const Removed&, const Removed&) = default;
};
using Model = std::map<std::int64_t, Removed>;  // by position

const Uuid kStore = Uuid::from_random(3, 4);

class Floors : public testing::Test {
protected:
  static Uuid topic(std::uint64_t number) { return Uuid::from_random(number, 5); }

  void open(bool read_only = false) {
    floors_.reset();
    auto opened = VersionFloors::open(*env_, "/floors", kStore, read_only);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    floors_ = std::move(*opened);
  }
  Result<void> keep(VersionFloors& floors, const Model& events) {
    const auto addition = floors.begin();
    for (const auto& [position, one] : events) {
      BatchTerms terms(hasher_, one.topic);
      terms.add(0, TermKind::kStream, as_bytes(one.key));
      STELE_DO(addition->add_all({one.topic, one.partition}, Position(position), terms));
    }
    return addition->keep();
  }
  void keep(const Model& events) {
    const auto kept = keep(*floors_, events);
    ASSERT_TRUE(kept.has_value()) << kept.error().text();
  }
  Model read(std::int64_t from = 0) {
    Model all;
    auto reader = floors_->reader(Position(from));
    EXPECT_TRUE(reader.has_value()) << reader.error().text();
    std::int64_t last = -1;
    while (reader) {
      const auto more = (*reader)->next();
      EXPECT_TRUE(more.has_value()) << more.error().text();
      if (!more || !*more) break;
      const RemovedEvent& one = (*reader)->event();
      EXPECT_GT(one.position.raw(), last);
      last = one.position.raw();
      EXPECT_EQ(one.terms.size(), 1U);
      all[last] = {one.from.topic, std::string(as_text(one.terms.at(0).bytes)), one.from.partition};
    }
    return all;
  }
  static Model some(std::int64_t from, std::int64_t to, std::int64_t step = 1) {
    Model made;
    for (std::int64_t i = from; i < to; i += step) {
      made[i] = {topic(static_cast<std::uint64_t>(i % 2)), "key-" + std::to_string(i % 7),
                 static_cast<std::int32_t>(i % 3)};
    }
    return made;
  }

  std::unique_ptr<SimEnv> env_ = std::make_unique<SimEnv>();
  TermHasher hasher_{1};
  std::unique_ptr<VersionFloors> floors_;
  std::atomic<bool> cancel_ = false;
};

TEST_F(Floors, WhatWasKeptIsReadBackAfterReopening) {
  open();
  const Model events = some(10, 40'000, 3);  // several blocks
  keep(events);
  EXPECT_EQ(read(), events);
  open();
  EXPECT_EQ(read(), events);
  EXPECT_EQ(read(20'000), Model(events.lower_bound(20'000), events.end()));
  EXPECT_TRUE(read(40'000).empty());
  EXPECT_EQ(floors_->file_count(), 1);
  EXPECT_LT(floors_->bytes(), 60'000) << "about 3 bytes each, and 14 keys a block";
}

TEST_F(Floors, AnEventThatWasKeptTwiceIsGivenOnce) {
  open();
  keep(some(0, 100));
  keep(some(50, 150));
  EXPECT_EQ(read(), some(0, 150));
}

TEST_F(Floors, WithoutKeepOrEventsNothingIsLeft) {
  open();
  keep(Model{});
  {
    const auto addition = floors_->begin();
    ASSERT_TRUE(addition->add_all({topic(1), 0}, Position(1), BatchTerms(hasher_, topic(1))));
  }
  EXPECT_EQ(floors_->file_count(), 0);
  EXPECT_TRUE(env_->disk().files().empty());
}

TEST_F(Floors, ALongKeyIsHeldAsTermsHoldIt) {
  open();
  const std::string key(100'000, 'k');
  keep(Model{{7, {topic(1), key, 2}}});
  const Bytes held = hasher_.term_bytes(as_bytes(key));
  EXPECT_EQ(read(), (Model{{7, {topic(1), std::string(as_text(held)), 2}}}));
}

TEST_F(Floors, SmallFilesAreMergedAndDeletedTopicsForgotten) {
  open();
  Model model;
  std::int64_t at = 0;
  while (floors_->due_merge().empty()) {
    keep(some(at, at + 10));
    model.merge(some(at, at + 10));
    at += 5;
  }
  const std::int64_t before = floors_->file_count();
  ASSERT_TRUE(floors_->merge(floors_->due_merge(), {topic(0), topic(1)}, cancel_).has_value());
  EXPECT_LT(floors_->file_count(), before / 2);
  EXPECT_EQ(read(), model);
  open();
  EXPECT_EQ(read(), model);
  VersionFloors::Numbers files(100);
  std::iota(files.begin(), files.end(), 1U);
  const auto is_gone = [&](std::uint64_t number) {
    return !env_->disk().exists("/floors/" + floor_file_name(number));
  };
  std::erase_if(files, is_gone);
  ASSERT_TRUE(floors_->merge(files, {topic(1)}, cancel_).has_value());
  EXPECT_EQ(floors_->file_count(), 1);
  std::erase_if(model, [](const auto& one) { return one.second.topic == topic(0); });
  EXPECT_EQ(read(), model);
  std::erase_if(files, is_gone);
  files.push_back(100'000);
  EXPECT_EQ(floors_->merge(files, {topic(1)}, cancel_).error().code, Code::kNotFound);
  open();
  EXPECT_EQ(read(), model);
}

TEST_F(Floors, ABatchOfWhichSomethingGoesHasAnEntryAndEachTermIsKeptButItsIds) {
  open();
  BatchTerms terms(hasher_, topic(1));
  terms.add(0, TermKind::kStream, as_bytes("s"));
  terms.add(0, TermKind::kTag, as_bytes("t"));
  terms.add(0, TermKind::kEventId, as_bytes("id"));
  terms.add(2, TermKind::kType, as_bytes("T"));
  {
    const auto addition = floors_->begin();
    const std::int32_t first[] = {0};
    const std::int32_t others[] = {1, 2};
    const std::int32_t without[] = {1};
    ASSERT_TRUE(addition->add({topic(1), 3}, Position(10), terms, first).has_value());
    ASSERT_TRUE(addition->add({topic(1), 3}, Position(20), terms, others).has_value());
    ASSERT_TRUE(addition->add({topic(1), 3}, Position(30), terms, without).has_value());
    ASSERT_TRUE(addition->add({topic(1), 3}, Position(40), terms, {}).has_value());
    ASSERT_TRUE(addition->add_all({topic(1), 4}, Position(50), BatchTerms(hasher_, topic(1))));
    ASSERT_TRUE(addition->keep().has_value());
  }
  std::string found;
  auto reader = floors_->reader(Position(0)).value();
  while (*reader->next()) {
    found += std::to_string(reader->event().position.raw()) + ":";
    for (const auto& term : reader->event().terms)
      found += std::to_string(static_cast<int>(term.kind)) + std::string(as_text(term.bytes));
    found += " ";
  }
  EXPECT_EQ(found, "10:1s3t 22:2T 31: 50: ");
}

TEST_F(Floors, ADamagedFileIsRefusedByName) {
  open();
  keep(some(0, 40'000));
  const std::string path = "/floors/" + floor_file_name(1);
  const auto size = *(*env_->open(path, OpenMode::kRead))->size();
  for (const std::uint64_t place : {std::uint64_t{3}, std::uint64_t{30}, std::uint64_t{60},
                                    std::uint64_t{90}, size / 2, size - 40, size - 3}) {
    SCOPED_TRACE(place);
    SimEnv env(env_->disk().killed());
    {
      const auto file = env.open(path, OpenMode::kReadWrite);
      std::byte one[1];
      ASSERT_TRUE((*file)->read(one, place).has_value());
      one[0] ^= std::byte{4};
      ASSERT_TRUE((*file)->write(ByteView(one), place).has_value());
    }
    const auto opened = VersionFloors::open(env, "/floors", kStore);
    Result<bool> more = true;
    if (opened) {
      const auto reader = (*opened)->reader(Position(0));
      while (more && *more) more = (*reader)->next();
    } else {
      more = std::unexpected(opened.error());
    }
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().code, Code::kCorrupt);
    EXPECT_TRUE(more.error().detail.contains(path)) << more.error().text();
  }
}

// A crash at every change of the disk, and every state that power loss may leave: what was kept is
// there, nothing that was not added is, and a merge loses nothing.
TEST_F(Floors, OverACrashWhatWasKeptIsThere) {
  const auto run = [&](SimEnv& env, Model& kept) {
    auto floors = VersionFloors::open(env, "/floors", kStore);
    if (!floors) return;
    for (std::int64_t i = 0; i < 3; ++i) {
      if (!keep(**floors, some(i * 10, i * 10 + 15))) return;
      kept.merge(some(i * 10, i * 10 + 15));
    }
    static_cast<void>((*floors)->merge({1, 2}, {topic(0), topic(1)}, cancel_));
  };
  SimEnv whole;
  Model all;
  run(whole, all);
  const Model added = some(0, 35);
  ASSERT_EQ(all, added);
  std::size_t states = 0;
  for (std::uint64_t n = 0; n <= whole.change_count(); ++n) {
    SCOPED_TRACE(n);
    SimEnv env;
    env.crash_after(n);
    Model kept;
    run(env, kept);
    const auto judge = [&](const SimDisk& disk, const std::string& name) {
      SCOPED_TRACE(name);
      env_ = std::make_unique<SimEnv>(disk);
      open();
      if (HasFatalFailure()) return;
      const Model found = read();
      for (const auto& [position, one] : kept)
        EXPECT_TRUE(found.contains(position) && found.at(position) == one) << position;
      for (const auto& [position, one] : found)
        EXPECT_TRUE(added.contains(position) && added.at(position) == one) << position;
      floors_.reset();
    };
    states += CrashStates(env.disk()).each(20, n, judge);
    if (HasFailure()) return;
  }
  EXPECT_GT(states, 100U);
}

}  // namespace
}  // namespace stele::log
