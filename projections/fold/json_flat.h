// The quick way through a JSON event whose members are numbers, bools, nulls and plain ASCII
// strings, as those of most are: one pass over the data where it stands. Whatever it is not sure of
// it leaves to decode_json_checked(), which also knows how to say what is wrong.
//
// Invariant: what it decodes, decode_json_checked() decodes to the same (a fuzzer compares them).
// Thread: any.
#pragma once

#include <string_view>

#include "projections/fold/json_decode.h"

namespace stele::projections::detail {

/// False: undecided; some members may be set. std::string_view members show `text`.
[[nodiscard]] bool decode_flat(const JsonType& type, std::string_view text, void* to);

}  // namespace stele::projections::detail
