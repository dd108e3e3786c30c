#include "log/partition/producer_state.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::size_t kEncodedBatchBytes = 32;
constexpr std::size_t kEncodedProducerBytes = 12;

}  // namespace

std::int32_t sequence_after(std::int32_t sequence, std::int32_t count) {
  return static_cast<std::int32_t>((std::int64_t{sequence} + count) %
                                   (std::int64_t{INT32_MAX} + 1));
}

Result<std::optional<ProducedBatch>> ProducerStates::check(const BatchHeader& batch) const {
  if (!batch.has_producer()) return std::nullopt;
  const auto found = producers_.find(batch.producer_id);
  if (found == producers_.end())
    return std::nullopt;  // expired or new: any first sequence is accepted
  const Producer& producer = found->second;
  if (batch.producer_epoch < producer.epoch) {
    return fail(Code::kFenced, "producer {} has epoch {}, the batch says {}", batch.producer_id,
                producer.epoch, batch.producer_epoch);
  }
  if (batch.producer_epoch > producer.epoch) {
    if (batch.base_sequence == 0) return std::nullopt;
    return fail(Code::kOutOfSequence, "producer {}: a new epoch begins at sequence 0, not {}",
                batch.producer_id, batch.base_sequence);
  }
  const std::int32_t last_sequence = sequence_after(batch.base_sequence, batch.last_offset_delta);
  for (std::size_t i = 0; i < producer.batch_count; ++i) {
    const ProducedBatch& known = producer.batches[i];
    if (known.first_sequence == batch.base_sequence && known.last_sequence == last_sequence)
      return known;
  }
  const std::int32_t expected = sequence_after(producer.last().last_sequence, 1);
  if (batch.base_sequence == expected) return std::nullopt;
  return fail(Code::kOutOfSequence, "producer {}: expected sequence {}, the batch begins at {}",
              batch.producer_id, expected, batch.base_sequence);
}

void ProducerStates::add(const BatchHeader& batch, Offset base_offset, Position position,
                         std::int64_t recorded_us) {
  if (!batch.has_producer()) return;
  Producer& producer = producers_[batch.producer_id];
  if (producer.epoch != batch.producer_epoch) producer.batch_count = 0;
  producer.epoch = batch.producer_epoch;
  if (producer.batch_count == kRememberedBatches) {
    std::ranges::rotate(producer.batches, producer.batches.begin() + 1);
    --producer.batch_count;
  }
  producer.batches[producer.batch_count++] = {
      batch.base_sequence, sequence_after(batch.base_sequence, batch.last_offset_delta),
      base_offset, position, recorded_us};
}

std::size_t ProducerStates::expire(std::int64_t before_us) {
  return std::erase_if(producers_,
                       [&](const auto& one) { return one.second.last().recorded_us < before_us; });
}

void ProducerStates::encode(ByteWriter& to) const {
  to.put(static_cast<std::uint32_t>(producers_.size()));
  for (const auto& [id, producer] : producers_) {
    to.put(id);
    to.put(producer.epoch);
    to.put(std::uint16_t{producer.batch_count});
    for (std::size_t i = 0; i < producer.batch_count; ++i) {
      const ProducedBatch& batch = producer.batches[i];
      to.put(batch.first_sequence);
      to.put(batch.last_sequence);
      to.put(batch.base_offset.raw());
      to.put(batch.position.raw());
      to.put(batch.recorded_us);
    }
  }
}

bool ProducerStates::decode(ByteReader& from) {
  producers_.clear();
  const std::size_t count = from.get_count(kEncodedProducerBytes + kEncodedBatchBytes);
  for (std::size_t i = 0; i < count; ++i) {
    Producer& producer = producers_[from.get<std::int64_t>()];
    producer.epoch = from.get<std::int16_t>();
    const auto batches = from.get<std::uint16_t>();
    if (batches == 0 || batches > kRememberedBatches) return false;
    producer.batch_count = static_cast<std::uint8_t>(batches);
    for (std::size_t b = 0; b < batches; ++b) {
      ProducedBatch& batch = producer.batches[b];
      batch.first_sequence = from.get<std::int32_t>();
      batch.last_sequence = from.get<std::int32_t>();
      batch.base_offset = Offset(from.get<std::int64_t>());
      batch.position = Position(from.get<std::int64_t>());
      batch.recorded_us = from.get<std::int64_t>();
    }
  }
  return from.ok();
}

}  // namespace stele::log
