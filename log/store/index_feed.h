// All that the index is made of, in the order of positions: the terms of what stands in the log,
// and, from the version floors, of what is gone of it.
//
//   order log ─► batch, read ─┐
//                             ├─► IndexSink
//   floors ─► removed events ─┘
//
// Event ids of removed events are not given: they are known for a day only. Thread: its owner's; in
// an open store, the opener's.
#pragma once

#include "log/store/core.h"

namespace stele::log {

class IndexSink {
public:
  IndexSink() = default;
  IndexSink(const IndexSink&) = delete;
  IndexSink& operator=(const IndexSink&) = delete;
  virtual ~IndexSink() = default;

  /// As TermIndex::add().
  virtual Result<void> add(const BatchTerms& terms, Position first, std::int32_t partition) = 0;
  /// All below `next` was given.
  virtual Result<void> advance(Position next) = 0;
  /// Events of the topic could not be given: versions behind them are not known.
  virtual void lost(const Uuid& topic, const std::string& why) = 0;
};

class IndexFeed {
public:
  /// Topics, order log and the sequencer's end are recovered. All outlive it.
  IndexFeed(StoreParts& parts, const TermHasher& hasher, IndexSink& sink)
      : parts_(parts), hasher_(hasher), sink_(sink) {}

  /// From position `from` on. kIo; kCorrupt: the order log (place named); what the sink answers.
  Result<void> run(Position from);

private:
  Result<void> open_floors(Position from);
  Result<void> check_beginning(Position from);
  Result<void> next_removed();
  void floors_damaged(const Error& error);
  Result<void> feed_removed_below(Position position);
  Result<void> feed(const OrderEntry& entry);
  Result<void> feed_batch(const OrderEntry& entry, const Partition& partition);
  Result<void> feed_merged(const OrderEntry& entry, const BatchTerms* in_log);
  [[nodiscard]] bool wants(const Uuid& topic) const;
  void lost(const OrderEntry& entry, std::string_view what);
  void damaged(const OrderEntry& entry, const Error& error);

  StoreParts& parts_;
  const TermHasher& hasher_;
  IndexSink& sink_;
  std::unique_ptr<FloorReader> floors_;  ///< null: there is nothing more
  std::vector<RemovedEvent> removed_;    ///< of the batch at hand
  Bytes batch_;
  Decompressor decompressor_;
};

}  // namespace stele::log
