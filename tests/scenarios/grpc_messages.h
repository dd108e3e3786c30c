// What the types of log/event_store are in proto/stele/v1, as a client sees it.
//
// Thread: any.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include <stele/v1/event_store.pb.h>
#include "log/event_store/event_store.h"

namespace stele::scenarios {

[[nodiscard]] std::uint64_t raw(auto ordinal) {
  return static_cast<std::uint64_t>(ordinal.raw());
}
[[nodiscard]] inline Position position_of(std::uint64_t value) {
  return Position(static_cast<std::int64_t>(value));
}
[[nodiscard]] inline Version version_of(std::uint64_t value) {
  return Version(static_cast<std::int64_t>(value));
}

[[nodiscard]] v1::AppendRequest message_of(const log::EventAppend& append);
void put(const log::ExpectedVersion& from, v1::ExpectedVersion& into);
void put(const log::Selection& from, v1::Selection& into);
void put(const log::ReadFrom& from, v1::ReadFrom& into);
void put(const log::EventFilter& from, v1::EventFilter& into);

/// Appends the events of a batch.
void add(const v1::EventBatch& from, std::vector<log::RecordedEvent>& into);
[[nodiscard]] log::AppendedEvents appended_of(const v1::Appended& from,
                                              const log::EventAppend& asked);
[[nodiscard]] log::AppendRefusal refusal_of(const v1::Refusal& from);
/// What the status says: its Refusal, or, without one, that it has none.
[[nodiscard]] log::AppendRefusal refusal_of(const grpc::Status& status);

}  // namespace stele::scenarios
