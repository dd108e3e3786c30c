// The log of a stopped store as the index sees it: every batch in order, from the last checkpoint
// and the journal behind it, and what is no longer there. Changes nothing.
//
//   order log ─► segments ─┐
//   journal ───► bodies ───┴─► terms ─► a TermIndex;  what cannot be read ─► gone, deleted, damaged
//
// Memory: a batch, a bit for each position that is gone. Thread: one.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "log/format/decompressor.h"
#include "log/index/position_set.h"
#include "log/store/core.h"

namespace stele::log {

/// A batch that cannot be read.
struct UnreadBatch {
  std::string place;
  std::string what;
};

class LogTerms {
public:
  LogTerms(Env& env, const std::string& folder, const Uuid& store)
      : parts_(env, folder, {}, store, true) {}

  /// Checkpoint and catalogue. kCorrupt, kIo.
  Result<void> load();
  /// One past what the checkpoint holds, and what the journal holds.
  [[nodiscard]] Position checkpoint_end() const { return image_.end; }
  [[nodiscard]] Position end() const { return journal_end_; }
  /// The first position recorded at or after `recorded_us`; checkpoint_end() if there is none.
  Result<Position> find_recorded(std::int64_t recorded_us) const;

  /// Adds the terms of all batches below `end`, and cuts the index's tail when it is full. Events
  /// that are gone are noted. `progress`: a position of `end`. kIo, kNoSpace; kCorrupt: the order
  /// log or the journal.
  Result<void> add_to(TermIndex& index, Position end, std::uint64_t tail_bytes_max,
                      const std::function<void(Position)>& progress);

  /// Events that retention, truncation or compaction removed; filled by add_to().
  [[nodiscard]] PositionSet take_gone() { return std::move(gone_); }
  /// Events of deleted topics.
  [[nodiscard]] PositionSet take_deleted() { return std::move(deleted_); }
  [[nodiscard]] const std::vector<UnreadBatch>& unread() const { return unread_; }
  /// Its id, if it was deleted.
  [[nodiscard]] std::string topic_name(const Uuid& id) const;

private:
  Result<void> fold_catalogue();
  Result<void> scan_journal(const std::function<Result<void>(const ScannedEntry&)>& visit);
  Result<void> add(const OrderEntry& entry);
  Result<void> add_stored(const OrderEntry& entry);
  Result<void> add_batch(const OrderEntry& entry, ByteView batch);
  Result<void> add_journal(Position end);
  void cannot_read(const OrderEntry& entry, const Error& error);
  [[nodiscard]] const TopicInfo* find_topic(const Uuid& id) const;

  StoreParts parts_;
  StoreImage image_;
  std::map<TopicPartition, PartitionPtr> partitions_;
  Catalogue catalogue_;
  Position journal_end_;
  TermIndex* index_ = nullptr;
  std::uint64_t tail_bytes_max_ = 0;
  PositionSet gone_;
  PositionSet deleted_;
  std::vector<UnreadBatch> unread_;
  Bytes batch_;
  Decompressor decompressor_;
};

}  // namespace stele::log
