// What the store says as bytes of proto/stele/v1.
// Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "log/event_store/event_store.h"
#include "server/grpc/wire_writer.h"

namespace stele::rpc {

/// `text` as a Protobuf string may hold it: what is not UTF-8 becomes U+FFFD. Texts of events are
/// UTF-8 as the store reads them; names of Kafka headers and bytes in messages need not be.
[[nodiscard]] std::string valid_text(std::string_view text);

/// Writes field `field`, a stele.v1.EventBatch of the events.
void write_batch(WireWriter& to, std::uint32_t field, std::span<const log::RecordedEvent> events);

/// Writes field `field`, a stele.v1.Appended. `with_ids`: the store made some of them.
void write_appended(WireWriter& to, std::uint32_t field, const log::AppendedEvents& appended,
                    bool with_ids);

/// A stele.v1.ReadResponse.
void write_page(WireWriter& to, const log::ReadPage& page);

}  // namespace stele::rpc
