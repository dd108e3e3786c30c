// Reads what a fetch asks for, up to its limits, into pooled buffers that the answer borrows.
//
//   targets   A(1 MiB max)  B(1 MiB max)  C …        all together: bytes_max
//   buffers   [ A A A B ][ B B C … ]                 pieces point into them
//
// Can be continued: a later read() of a target goes on where the last one ended, so that a fetch
// which waits for min_bytes reads nothing twice.
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "log/store/store.h"
#include "server/core/buffer_pool.h"
#include "server/kafka/errors.h"
#include "server/kafka/wire/writer.h"

namespace stele::kafka {

struct FetchTarget {
  TopicPartition id;
  Offset next;
  std::size_t bytes_max = 0;
  std::int32_t expected_epoch = -1;

  ErrorCode error = ErrorCode::kNone;
  log::PartitionEnds ends{Offset(-1), Offset(-1), -1};
  std::size_t bytes = 0;
  std::vector<ByteView> pieces;
};

struct FetchReadOptions {
  std::size_t bytes_max = 0;
  bool by_ids = false;  ///< it names topics by id, and is told so of those that are gone
};

class FetchRead {
public:
  FetchRead(const log::Store& store, server::BufferPool& pool, FetchReadOptions options)
      : store_(store), pool_(pool), options_(options) {}

  /// A target that has an error already is only answered with it. Returns its index.
  std::size_t add(FetchTarget target) {
    failed_ = failed_ || target.error != ErrorCode::kNone;
    targets_.push_back(std::move(target));
    return targets_.size() - 1;
  }
  /// Reads what there is of the target. The first batch of all is read even if it is larger than
  /// the limits, so that a client with small limits gets on.
  void read(std::size_t index);

  [[nodiscard]] const std::vector<FetchTarget>& targets() const { return targets_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Waiting longer would add nothing: a target failed, or a limit is reached.
  [[nodiscard]] bool must_answer() const { return failed_ || full_; }
  /// No target will get anything any more.
  [[nodiscard]] bool spent() const { return bytes_ > 0 && bytes_ >= options_.bytes_max; }
  /// The pool was full at the last read: some data was left.
  [[nodiscard]] bool starved() const { return starved_; }
  [[nodiscard]] std::vector<std::shared_ptr<const void>> take_buffers() {
    return std::move(buffers_);
  }

private:
  void fail(FetchTarget& target, ErrorCode error);
  bool check(FetchTarget& target);
  bool read_some(FetchTarget& target);
  [[nodiscard]] ByteSpan window(std::size_t room, std::size_t at_least);
  void keep(FetchTarget& target, ByteView piece, Offset next);
  [[nodiscard]] std::size_t room(const FetchTarget& target) const;

  const log::Store& store_;
  server::BufferPool& pool_;
  FetchReadOptions options_;
  std::vector<FetchTarget> targets_;
  std::vector<std::shared_ptr<const void>> buffers_;
  server::BufferPtr buffer_;  ///< the last of buffers_
  std::size_t used_ = 0;      ///< of buffer_
  std::size_t bytes_ = 0;
  bool failed_ = false;
  bool full_ = false;
  bool starved_ = false;
};

}  // namespace stele::kafka
