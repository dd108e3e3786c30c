// What a partition remembers of its idempotent producers: the last five batches of each (KIP-98),
// so that a retry gets the first answer and a gap is refused. Rules: Kafka's ProducerAppendInfo and
// ProducerStateEntry. Thread: the core only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "log/base/byte_stream.h"
#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/format/record_batch.h"

namespace stele::log {

inline constexpr std::size_t kRememberedBatches = 5;

struct ProducedBatch {
  std::int32_t first_sequence = 0;
  std::int32_t last_sequence = 0;
  Offset base_offset;
  Position position;
  std::int64_t recorded_us = 0;
};

class ProducerStates {
public:
  /// A new batch: nullopt. A retry of one of the last five: that one. kOutOfSequence: a gap, a
  /// batch older than what is remembered, or a new epoch that does not begin at sequence 0;
  /// kFenced: a newer epoch was seen. Changes nothing.
  [[nodiscard]] Result<std::optional<ProducedBatch>> check(const BatchHeader& batch) const;
  /// The batch was sequenced there. The caller has check()ed it.
  void add(const BatchHeader& batch, Offset base_offset, Position position,
           std::int64_t recorded_us);
  /// Forgets producers that wrote nothing since; returns how many.
  std::size_t expire(std::int64_t before_us);

  [[nodiscard]] std::size_t count() const { return producers_.size(); }
  [[nodiscard]] bool knows(std::int64_t producer_id) const {
    return producers_.contains(producer_id);
  }

  /// Calls `see(producer id, epoch, last batch)` for each, in no order.
  template <class See>
  void visit(const See& see) const {
    for (const auto& [id, producer] : producers_) see(id, producer.epoch, producer.last());
  }

  void encode(ByteWriter& to) const;
  /// False if the bytes are not what encode() wrote.
  bool decode(ByteReader& from);

private:
  struct Producer {
    std::int16_t epoch = 0;
    std::uint8_t batch_count = 0;
    std::array<ProducedBatch, kRememberedBatches> batches;  // the oldest first
    [[nodiscard]] const ProducedBatch& last() const { return batches[batch_count - 1]; }
  };
  std::unordered_map<std::int64_t, Producer> producers_;
};

/// Sequences count from 0 to INT_MAX and begin again at 0.
[[nodiscard]] std::int32_t sequence_after(std::int32_t sequence, std::int32_t count);

}  // namespace stele::log
