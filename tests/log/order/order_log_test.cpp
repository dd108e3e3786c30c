// The order log against a vector of entries, over many restarts.
#include "log/order/order_log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

const Uuid kStore = Uuid::from_random(1, 2);

std::optional<Position> first_of(const std::vector<OrderEntry>& model, const Uuid& topic,
                                 Position from) {
  for (const OrderEntry& entry : model) {
    if (entry.from.topic == topic && entry.position.next(entry.record_count) > from)
      return std::max(from, entry.position);
  }
  return std::nullopt;
}

/// Looks up 20 places of the log, as the model has them.
void check_lookups(const OrderLog& order, const std::vector<OrderEntry>& model, Position end,
                   SimRandom& random) {
  for (int i = 0; i < 20 && !model.empty(); ++i) {
    const std::uint64_t at = random.below(model.size());
    const Position inside =
        model[at].position.next(static_cast<std::int64_t>(random.below(model[at].record_count)));
    EXPECT_EQ(*order.find(inside), at / order.entries_per_block());
    EXPECT_EQ(*order.entry_at(inside), model[at]);
    const std::int64_t time_us = model[at].recorded_us - static_cast<std::int64_t>(random.below(2));
    EXPECT_EQ(*order.find_recorded(time_us), model[at].position);
    const Uuid topic = Uuid::from_random(3, random.below(4));
    EXPECT_EQ(*order.first_of_topics({topic}, inside, end), first_of(model, topic, inside));
    EXPECT_EQ(*order.first_of_topics({}, inside, inside.next()), inside);
    EXPECT_EQ(*order.first_of_topics({}, inside, inside), std::nullopt);
  }
}

TEST(OrderLogModel, HoldsWhatWasAppendedOverRestarts) {
  const char* given = std::getenv("STELE_SEED");
  SimRandom random(given == nullptr ? 9 : std::strtoull(given, nullptr, 10));
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/order").has_value());
  std::vector<OrderEntry> model;
  std::int64_t position = 0;
  for (int life = 0; life < 40; ++life) {
    FileCache files(env, 8);
    OrderLog order(files, "/order", kStore);
    const std::size_t in_tail = model.size() % order.entries_per_block();
    // The unfinished block comes from the checkpoint; here from a log that has lived on.
    FileCache scratch_files(env, 8);
    OrderLog scratch(scratch_files, "/scratch" + std::to_string(life), kStore);
    ASSERT_TRUE(env.make_folder("/scratch" + std::to_string(life)).has_value());
    scratch.restore(0, 0, {});
    for (std::size_t i = model.size() - in_tail; i < model.size(); ++i)
      ASSERT_TRUE(scratch.append(model[i]).has_value());
    order.restore(model.size(), 0, in_tail == 0 ? ByteView() : scratch.tail());
    const std::uint64_t more = random.below(200);
    ASSERT_TRUE(order.reserve(more).has_value());
    for (std::uint64_t i = 0; i < more; ++i) {
      const auto count = static_cast<std::uint32_t>(1 + random.below(5));
      model.push_back({.position = Position(position),
                       .recorded_us = position * 10,
                       .from = {Uuid::from_random(3, random.below(3)), 1},
                       .record_count = count,
                       .base_offset = Offset(position * 2),
                       .batch_bytes = 100 + count,
                       .batch_crc = count * 7,
                       .file_at = static_cast<std::uint64_t>(position) * 100});
      position += count;
      ASSERT_TRUE(order.append(model.back()).has_value());
    }
    ASSERT_EQ(order.count(), model.size());
    std::vector<OrderEntry> all;
    for (std::uint64_t block = 0; block < order.block_count(); ++block) {
      const auto entries = order.block(block);
      ASSERT_TRUE(entries.has_value()) << entries.error().text();
      all.insert(all.end(), entries->begin(), entries->end());
    }
    ASSERT_TRUE(std::ranges::equal(all, model));
    check_lookups(order, model, Position(position), random);
    const auto past = order.entry_at(Position(position));
    ASSERT_FALSE(past.has_value());
    EXPECT_EQ(past.error().code, Code::kOutOfRange);
    EXPECT_EQ(*order.find_recorded(position * 10), std::nullopt);
  }
}

TEST(OrderLog, ABlockOfAnotherPlaceIsNotTakenForThisOne) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/order").has_value());
  FileCache files(env, 8);
  OrderLog order(files, "/order", kStore);
  order.restore(0, 0, {});
  for (std::uint64_t i = 0; i < 3 * order.entries_per_block(); ++i)
    ASSERT_TRUE(order.append({.position = Position(static_cast<std::int64_t>(i))}).has_value());
  const std::string path = order.path_of(0);
  Bytes bytes = env.disk().bytes(path);
  std::swap_ranges(bytes.begin(), bytes.begin() + 4096, bytes.begin() + 4096);
  env.disk().set_bytes(path, bytes);
  EXPECT_EQ(order.block(0).error().code, Code::kCorrupt);
  EXPECT_EQ(order.block(1).error().code, Code::kCorrupt);
  EXPECT_TRUE(order.block(2).has_value());
  EXPECT_EQ(order.block(3).error().code, Code::kOutOfRange);
}

}  // namespace
}  // namespace stele::log
