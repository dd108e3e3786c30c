// Events of a JSON text, wherever they stand in it: in a batch, in an append.
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "server/cloudevents/json_reader.h"

namespace stele::cloudevents {

/// Reads an array of events, the next value of `in`; faults are left there. They are all of
/// `topic`; if that is empty, each of the one it names, or of none.
void read_events(JsonReader& in, std::string_view topic, std::vector<log::TopicEvent>& into);

/// A string that is base64.
[[nodiscard]] std::string read_base64(JsonReader& in);
/// An integer from `min` on, as a number or as a string.
[[nodiscard]] std::int64_t read_integer(JsonReader& in, std::int64_t min);
/// An array of strings.
[[nodiscard]] std::vector<std::string> read_strings(JsonReader& in);
/// True if a null was there, and is read.
[[nodiscard]] bool skip_null(JsonReader& in);

}  // namespace stele::cloudevents
