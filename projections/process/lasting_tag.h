// Tags that make something happen once: an event carries the tag, and leaves under an append
// condition that no event has it. The log counts such events for ever, removed ones too. Copies of
// an event don't bear its lasting tags. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "log/events/event.h"

namespace stele::projections {

inline constexpr std::string_view kEffectTag = "effect";
inline constexpr std::string_view kCommandTag = "command";

/// "<kind>:<id>"; of an id that makes it too long for a tag: "<kind>:" and its hash in hex.
[[nodiscard]] std::string lasting_tag(std::string_view kind, std::string_view id);

/// True for tags that lasting_tag() makes of effects and commands: they belong to one event, copies
/// of it don't bear them.
[[nodiscard]] bool is_lasting_tag(std::string_view tag);

}  // namespace stele::projections
