// What is removed of one partition, on its way to the version floors: batches in, their terms
// written down.
//
// Thread: its owner's, which is not the core.
#pragma once

#include "log/compaction/rewrite_run.h"
#include "log/format/decompressor.h"
#include "log/streams/version_floors.h"

namespace stele::log {

class FloorLog final : public RemovalLog {
public:
  /// `floors` outlives it.
  FloorLog(VersionFloors& floors, const TermHasher& hasher, const TopicPartition& from)
      : addition_(floors.begin()), hasher_(hasher), from_(from) {}

  /// kInvalid, kTooLarge: the batch cannot be decompressed; kNoSpace, kOverloaded, kIo.
  Result<void> remove(const BatchEntry& entry, ByteView batch,
                      std::span<const std::int32_t> removed) override;
  /// All of the batch. The same errors.
  Result<void> remove_all(const BatchEntry& entry, ByteView batch);
  Result<void> keep() override { return addition_->keep(); }

private:
  std::unique_ptr<FloorAddition> addition_;
  TermHasher hasher_;
  TopicPartition from_;
  Decompressor decompressor_;
};

}  // namespace stele::log
