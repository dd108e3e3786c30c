// Reads structured CloudEvents, one JSON object a line, into the store.
#pragma once

#include <log/event_store/event_store.h>

#include <cstdint>
#include <istream>

namespace flights {

/// Appends every line's event to the topic, in the order of the lines; how many. kInvalid names the
/// line.
stele::Result<std::int64_t> load(std::istream& lines, stele::log::EventStore& events);

}  // namespace flights
