// A lot out of a store: what one read of its total order brought, as events. Their views point into
// the bytes that were read, or into what was unpacked of them; the lot owns both.
//
//   batches ─► topic wanted? ─► unpack ─► each record: kept? ─► InputEvent + HeaderViews
//
// The type is found in the same pass that lists the headers: nothing is parsed twice.
// Thread: made by one; read by any afterwards.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/stream_limits.h"
#include "log/format/decompressor.h"
#include "log/store/store.h"
#include "projections/sources/source.h"

namespace stele::projections {

class StoreLot final : public Lot {
public:
  /// What was read from the store; events below `from` are left out.
  struct Read {
    log::OrderedRead batches;
    Position from;
    Position end;  ///< of the store, when it was read
  };

private:
  friend class StoreLotMaker;
  log::OrderedRead read_;
  std::vector<Bytes> unpacked_;
  std::vector<log::TopicPtr> topics_;  ///< owners of the names
  std::vector<InputEvent> list_;
  std::vector<HeaderView> headers_;
};

/// Makes lots, one after the other. Thread: its owner's.
class StoreLotMaker {
public:
  /// `topics`: whose events are wanted. `store` outlives it.
  StoreLotMaker(const log::Store& store, std::vector<Uuid> topics)
      : store_(store), topics_(std::move(topics)) {}

  /// kCorrupt names the place: the first events are damaged. Behind others, the lot ends in front
  /// of the damage. kIo.
  Result<std::shared_ptr<StoreLot>> make(StoreLot::Read read);

private:
  /// Whose batches are being looked at.
  struct From {
    TopicPartition partition;
    log::TopicPtr topic;  ///< null: not wanted, or gone
    Offset log_start;
    bool has_rules = false;
  };

  Result<void> add_all(StoreLot& lot);
  Result<void> add(StoreLot& lot, const log::OrderedBatch& batch);
  Result<void> add_records(StoreLot& lot, const log::OrderedBatch& batch, const BatchHeader& header,
                           ByteView records);
  void add_event(StoreLot& lot, const log::OrderedBatch& batch, const RecordView& record,
                 std::int64_t delta);
  [[nodiscard]] std::string_view read_headers(StoreLot& lot, const HeadersView& headers);
  [[nodiscard]] std::string_view known_type(std::string_view text);
  Result<bool> is_let_go(const RecordView& record, Position position);
  void look_at(StoreLot& lot, const TopicPartition& from);

  const log::Store& store_;
  std::vector<Uuid> topics_;
  Decompressor decompressor_;
  std::optional<From> from_;
  std::optional<log::StreamLimits> limits_;
  Position first_;  ///< events below it are left out
  /// Of this lot, which owns the bytes.
  std::array<std::string_view, 16> known_types_;
  std::vector<std::uint32_t> header_counts_;  ///< of the lot's events
  std::size_t event_count_ = 0;               ///< of the lot before: the next is about as large
  std::size_t header_count_ = 0;
};

}  // namespace stele::projections
