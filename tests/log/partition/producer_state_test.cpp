// Producer states against a naive reading of Kafka's rules that keeps every batch for ever.
#include "log/partition/producer_state.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include "tests/support/sim_random.h"

namespace stele::log {
namespace {

BatchHeader batch_of(std::int64_t producer, std::int16_t epoch, std::int32_t sequence,
                     std::int32_t count) {
  BatchHeader header;
  header.producer_id = producer;
  header.producer_epoch = epoch;
  header.base_sequence = sequence;
  header.last_offset_delta = count - 1;
  header.record_count = count;
  return header;
}

TEST(ProducerStates, SequencesBeginAgainAtZeroAfterTheGreatest) {
  EXPECT_EQ(sequence_after(INT32_MAX, 1), 0);
  EXPECT_EQ(sequence_after(INT32_MAX - 1, 3), 1);
  EXPECT_EQ(sequence_after(5, 2), 7);
  ProducerStates states;
  states.add(batch_of(1, 0, INT32_MAX - 1, 3), Offset(0), Position(0), 0);
  EXPECT_TRUE(states.check(batch_of(1, 0, INT32_MAX - 1, 3))->has_value());
  EXPECT_FALSE(states.check(batch_of(1, 0, 1, 4))->has_value());
  EXPECT_EQ(states.check(batch_of(1, 0, 2, 4)).error().code, Code::kOutOfSequence);
}

TEST(ProducerStates, WhatIsNotEncodedRightIsNotDecoded) {
  ProducerStates states;
  states.add(batch_of(1, 0, 0, 3), Offset(0), Position(0), 0);
  ByteWriter to;
  states.encode(to);
  const Bytes bytes = to.take();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader from(ByteView(bytes).first(size));
    EXPECT_FALSE(ProducerStates().decode(from)) << size;
  }
}

struct Known {
  std::int32_t first, last;
  std::int64_t offset;
  std::int64_t recorded_us;
};
struct Reference {
  std::int16_t epoch = 0;
  std::vector<Known> batches;  // of this epoch
};

std::int32_t plus(std::int32_t sequence, std::int64_t count) {
  return static_cast<std::int32_t>((std::int64_t{sequence} + count) & INT32_MAX);
}

// What Kafka's broker says of the batch: a first attempt, a repeated one, or an error.
Result<std::optional<std::int64_t>> judge(const std::map<std::int64_t, Reference>& all,
                                          const BatchHeader& batch) {
  const auto found = all.find(batch.producer_id);
  if (found == all.end()) return std::nullopt;
  const Reference& known = found->second;
  if (batch.producer_epoch < known.epoch) return std::unexpected(Error{Code::kFenced, {}});
  if (batch.producer_epoch > known.epoch) {
    if (batch.base_sequence == 0) return std::nullopt;
    return std::unexpected(Error{Code::kOutOfSequence, {}});
  }
  const std::size_t from = known.batches.size() > 5 ? known.batches.size() - 5 : 0;
  for (std::size_t i = from; i < known.batches.size(); ++i) {
    if (known.batches[i].first == batch.base_sequence &&
        known.batches[i].last == plus(batch.base_sequence, batch.last_offset_delta))
      return known.batches[i].offset;
  }
  if (batch.base_sequence == plus(known.batches.back().last, 1)) return std::nullopt;
  return std::unexpected(Error{Code::kOutOfSequence, {}});
}

// A next batch, a repeated one, a gap, another epoch: whatever a producer may send.
BatchHeader random_batch(SimRandom& random, const std::map<std::int64_t, Reference>& reference) {
  const auto producer = static_cast<std::int64_t>(random.below(12));
  const auto known = reference.find(producer);
  auto epoch = static_cast<std::int16_t>(random.below(3));
  std::int32_t sequence =
      random.chance(30) ? INT32_MAX - 9 : static_cast<std::int32_t>(random.below(4));
  auto count = static_cast<std::int32_t>(1 + random.below(4));
  if (known != reference.end() && random.chance(85)) {
    const std::vector<Known>& batches = known->second.batches;
    epoch = known->second.epoch;
    sequence = plus(batches.back().last, 1);
    if (random.chance(40)) {
      const Known& old =
          batches[batches.size() - 1 - random.below(std::min<std::size_t>(8, batches.size()))];
      sequence = old.first;
      count = plus(old.last, -std::int64_t{old.first}) + 1;
      if (random.chance(20)) ++count;
    }
  }
  return batch_of(producer, epoch, sequence, count);
}

TEST(ProducerStatesModel, AnswersAsKafkaWouldForRandomBatches) {
  const char* given = std::getenv("STELE_SEED");
  const std::uint64_t seed = given == nullptr ? 11 : std::strtoull(given, nullptr, 10);
  std::cout << "STELE_SEED=" << seed << "\n";
  SimRandom random(seed);
  ProducerStates states;
  std::map<std::int64_t, Reference> reference;
  std::int64_t offset = 0;
  std::int64_t seen[3] = {};
  for (std::int64_t now = 0; now < 60'000; ++now) {
    const BatchHeader batch = random_batch(random, reference);
    const auto answer = states.check(batch);
    const auto expected = judge(reference, batch);
    ASSERT_EQ(answer.has_value(), expected.has_value()) << "at " << now;
    if (!answer) {
      ++seen[0];
      ASSERT_EQ(answer.error().code, expected.error().code) << "at " << now;
      continue;
    }
    ASSERT_EQ(answer->has_value(), expected->has_value()) << "at " << now;
    if (*answer) {
      ++seen[1];
      ASSERT_EQ((*answer)->base_offset.raw(), **expected);
      continue;
    }
    ++seen[2];
    states.add(batch, Offset(offset), Position(offset), now);
    Reference& one = reference[batch.producer_id];
    if (one.epoch != batch.producer_epoch) one.batches.clear();
    one.epoch = batch.producer_epoch;
    one.batches.push_back(
        {batch.base_sequence, plus(batch.base_sequence, batch.last_offset_delta), offset, now});
    offset += batch.record_count;
    if (now % 500 == 0) {
      const std::int64_t before = now - 60;
      states.expire(before);
      std::erase_if(reference,
                    [&](const auto& r) { return r.second.batches.back().recorded_us < before; });
      ASSERT_EQ(states.count(), reference.size());
    }
    if (now % 97 == 0) {
      ByteWriter to;
      states.encode(to);
      const Bytes bytes = to.take();
      ByteReader from(bytes);
      ProducerStates back;
      ASSERT_TRUE(back.decode(from) && from.finished());
      states = back;
    }
  }
  EXPECT_GT(std::min({seen[0], seen[1], seen[2]}), 2000);
}

}  // namespace
}  // namespace stele::log
