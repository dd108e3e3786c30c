// Takes a record batch apart and makes a batch of the records that stay: offsets, timestamps and
// bytes of these are as they were, the codec is the batch's own.
//
//   read() ─► records(), the owner sets `stays` ─► rewrite() | remove_all()
//
// Invariants: a batch keeps its base offset and last offset delta whatever goes. Records are copied
// as they are, unless there is a new delete horizon (deltas of timestamps then count from it).
// Thread: its owner's. Reuses its buffers: what it gives is valid until the next read().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/base/ordinal.h"
#include "log/format/compressor.h"
#include "log/format/decompressor.h"
#include "log/format/record_batch.h"

namespace stele::log {

struct FilteredBatch {
  bool untouched = false;              ///< it stays as it is
  ByteView bytes;                      ///< else what it has become; empty: it goes
  std::int64_t min_timestamp_ms = -1;  ///< of `bytes`; -1 without records
  std::int64_t max_timestamp_ms = -1;
  std::int64_t removed_records = 0;
  std::span<const std::int32_t> removed = {};  ///< their offset deltas, ascending
};

/// Which records of a batch stay. Batches of a partition come one after the other.
class RecordFilter {
public:
  RecordFilter() = default;
  RecordFilter(const RecordFilter&) = delete;
  RecordFilter& operator=(const RecordFilter&) = delete;
  virtual ~RecordFilter() = default;
  /// `batch` is whole and its checksum right; `first`: the position of its first record. What is
  /// given is valid until the next call. kCorrupt: its records are malformed all the same.
  [[nodiscard]] virtual Result<FilteredBatch> filter(const BatchHeader& header, ByteView batch,
                                                     Position first) = 0;
};

class BatchRewriter {
public:
  struct Record {
    ByteView bytes;
    std::optional<ByteView> key;
    std::int64_t timestamp_ms = 0;
    std::int32_t offset_delta = 0;
    bool tombstone = false;
    bool stays = true;
  };

  /// All records stay until they are told otherwise. kCorrupt.
  Result<void> read(const BatchHeader& header, ByteView batch);
  [[nodiscard]] std::vector<Record>& records() { return records_; }

  /// The batch with the records that stay, which are some. With `horizon`: it counts from there
  /// (KIP-534). kTooLarge.
  Result<FilteredBatch> rewrite(const BatchHeader& header, std::optional<std::int64_t> horizon);
  /// Nothing of it stays, or `keep_header` and the bare header does.
  FilteredBatch remove_all(const BatchHeader& header, bool keep_header);

private:
  void list_removed(FilteredBatch& result);
  void append_record(const Record& record, std::int64_t base_timestamp_ms);
  Result<void> pack(Codec codec);
  void write_header(const BatchHeader& header);

  Decompressor decompressor_;
  Compressor compressor_;
  std::vector<Record> records_;
  std::vector<std::int32_t> removed_;
  Bytes out_;
};

}  // namespace stele::log
