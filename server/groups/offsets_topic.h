// The internal topic `__consumer_offsets`: made when it is first needed, written to in batches,
// read back as a fold. It is the only place where groups are kept.
//
//   append(group, records) ─► one batch ─► partition_of_group(group) ─► done(offset of the first)
//
// Invariants: the records of one append are there together or not at all; appends to one partition
// are durable in the order they were made; `done` never runs inside append().
// Thread: the loop's. Store, env and timers outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "log/env/env.h"
#include "log/format/batch_builder.h"
#include "log/format/decompressor.h"
#include "log/store/store.h"
#include "server/core/timer_queue.h"
#include "server/groups/group_record.h"

namespace stele::groups {

inline constexpr std::string_view kOffsetsTopicName = "__consumer_offsets";

class OffsetsTopic {
public:
  using Appended = std::move_only_function<void(Result<Offset>)>;
  /// A record's offset, key and value; no value is a tombstone.
  using Visitor = std::function<void(Offset, ByteView, std::optional<ByteView>)>;

  OffsetsTopic(log::Store& store, Env& env, server::TimerQueue& timers,
               std::int32_t partition_count);
  OffsetsTopic(const OffsetsTopic&) = delete;
  OffsetsTopic& operator=(const OffsetsTopic&) = delete;

  [[nodiscard]] bool is_there() const { return topic_ != nullptr; }
  /// Makes the topic if it is not there; `done` with kNoSpace, kOverloaded, … if that failed.
  void make(Done done);
  /// At least 1, also before the topic is there.
  [[nodiscard]] std::int32_t partition_of(std::string_view group) const;

  /// Everything or nothing. Errors are those of Store::submit, and kNotFound without the topic.
  void append(std::string_view group, std::span<const GroupRecord> records, Appended done);
  /// Tombstones, in as many batches as they need: `done` with the offset of the last batch's first
  /// record, or the first error; some may be written then.
  void append_tombstones(std::string_view group, std::vector<GroupRecord> records, Appended done);

  /// Every record of the partition in order, as far as it is durable. kCorrupt, kIo.
  [[nodiscard]] Result<void> read(std::int32_t partition, const Visitor& visit);
  [[nodiscard]] std::int32_t partition_count() const;

private:
  [[nodiscard]] Result<Bytes> batch_of(std::span<const GroupRecord> records);
  void refuse(Error error, Appended done);
  void finish_making(Result<log::TopicPtr> made);
  [[nodiscard]] log::TopicSpec spec() const;
  [[nodiscard]] Result<void> visit_batch(ByteView batch, const Visitor& visit);

  log::Store& store_;
  Env& env_;
  server::TimerQueue& timers_;
  std::int32_t partitions_wanted_;
  log::TopicPtr topic_;
  bool making_ = false;
  std::vector<Done> waiting_;
  BatchBuilder builder_;
  Decompressor decompressor_;
  /// The store may answer after the service has gone, as it closes: then nobody is told.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace stele::groups
