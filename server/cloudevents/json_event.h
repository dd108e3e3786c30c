// One event of a JSON text, wherever it stands in it: alone, in a batch, in an append.
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "server/cloudevents/json_reader.h"

namespace stele::cloudevents {

/// Reads the next value of `in`; faults are left there. `topic` stays empty if it is not said.
[[nodiscard]] log::TopicEvent read_event(JsonReader& in);

/// A string that is base64.
[[nodiscard]] std::string read_base64(JsonReader& in);
/// An integer from `min` on, as a number or as a string.
[[nodiscard]] std::int64_t read_integer(JsonReader& in, std::int64_t min);
/// An array of strings.
[[nodiscard]] std::vector<std::string> read_strings(JsonReader& in);
/// True if a null was there, and is read.
[[nodiscard]] bool skip_null(JsonReader& in);

}  // namespace stele::cloudevents
