// What the store says as bytes of proto/stele/v1.
// Thread: any.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "log/event_store/event_store.h"
#include "log/events/event_view.h"
#include "server/grpc/wire_writer.h"

namespace stele::rpc {

/// `text` as a Protobuf string may hold it: what is not UTF-8 becomes U+FFFD. Texts of events are
/// UTF-8 as the store reads them; names of Kafka headers and bytes in messages need not be.
[[nodiscard]] std::string valid_text(std::string_view text);

/// Writes field `field`, a stele.v1.EventBatch of the events that it takes; nothing if there are
/// none. Between the first of them and finish() nobody else writes.
class BatchWriter final : public log::EventSink {
public:
  /// `count_max`: further ones are left out. `to` outlives it.
  BatchWriter(WireWriter& to, std::uint32_t field, std::size_t count_max = SIZE_MAX)
      : to_(to), field_(field), left_(count_max) {}

  void take(const log::EventView& event) override;
  void finish();
  [[nodiscard]] std::size_t count() const { return count_; }

private:
  [[nodiscard]] std::size_t index_of(std::string_view topic);

  WireWriter& to_;
  std::uint32_t field_;
  std::size_t left_;
  std::size_t count_ = 0;
  WireWriter::Mark mark_ = 0;
  // Each topic once. Reads are mostly of one topic or of a few that take turns.
  std::deque<std::string> topics_;  ///< which do not move
  std::unordered_map<std::string_view, std::size_t> indexes_;
  std::size_t last_ = 0;
};

/// The same, of events that are values.
void write_batch(WireWriter& to, std::uint32_t field, std::span<const log::RecordedEvent> events);

/// Writes field `field`, a stele.v1.Appended. `with_ids`: the store made some of them.
void write_appended(WireWriter& to, std::uint32_t field, const log::AppendedEvents& appended,
                    bool with_ids);

/// A stele.v1.ReadResponse but for its events.
void write_summary(WireWriter& to, const log::PageSummary& page);

}  // namespace stele::rpc
