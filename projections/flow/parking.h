// Copies of poison events in a park topic, and their way back into the fold.
//
//   orders/3/1042 ─ poison ─► bad-orders: copy, stele_parked: orders/3/1042
//                               redrive() ─► the same again, stele_redrive: orders/3/1042 ─► folded
//                                            as if it were the original, if it is still recorded
//
// Headers: stele_parked or stele_redrive (the origin), stele_projection, stele_version,
// stele_reason, stele_headers (the original's headers, encoded: count u32 | per header: key, has u8,
// value; length u32 and bytes, little-endian). Key, value, type, content type and time are the
// original's, for whoever looks at the topic. A copy's id is a function of projection and origin:
// parked twice, it is there once.
// Thread: value types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/event_store/event_store.h"
#include "log/events/event_view.h"
#include "projections/fold/definition.h"
#include "projections/fold/input_event.h"

namespace stele::projections {

inline constexpr std::string_view kParkedHeader = "stele_parked";
inline constexpr std::string_view kRedriveHeader = "stele_redrive";
inline constexpr std::string_view kProjectionHeader = "stele_projection";
inline constexpr std::string_view kVersionHeader = "stele_version";
inline constexpr std::string_view kReasonHeader = "stele_reason";
inline constexpr std::string_view kHeadersHeader = "stele_headers";

/// The copy that goes to the definition's park topic.
[[nodiscard]] log::TopicEvent parked_copy(const Definition& definition, const InputEvent& event,
                                          std::string_view origin, std::string_view reason);

/// The origin that an event of the park topic was parked from by this projection; nullopt: it is
/// no parked copy, or another projection's.
[[nodiscard]] std::optional<std::string> parked_origin(const log::EventView& copy,
                                                       std::string_view projection);
/// The copy once more, to be folded. `id`: of its own.
[[nodiscard]] log::TopicEvent redriven_copy(const log::EventView& copy, std::string_view origin,
                                            std::string id);

/// An event of the park topic that was appended to be folded, seen as the original.
class RedrivenEvent {
public:
  /// Nullopt: it is something else, of another projection, or not as parked_copy() makes it.
  /// `event` outlives it.
  static std::optional<RedrivenEvent> read(const InputEvent& event, std::string_view projection);

  [[nodiscard]] const std::string& origin() const { return origin_; }
  /// Topic, partition, offset, key, value, type, headers and event time are the original's;
  /// position and recorded time those at which it came back. Valid as long as this, which stays
  /// where it is.
  [[nodiscard]] InputEvent original() const;

private:
  RedrivenEvent() = default;
  bool read_origin(std::string_view text);
  bool read_headers(ByteView encoded);

  InputEvent event_;
  std::string origin_;
  std::size_t topic_bytes_ = 0;  ///< of origin_
  std::int32_t partition_ = 0;
  Offset offset_;
  std::vector<HeaderView> headers_;
};

}  // namespace stele::projections
