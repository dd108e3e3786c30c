// How a read is answered.
//
// Thread: value type.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace stele::http {

enum class ReadForm : std::uint8_t {
  kPage,         ///< a JSON object: events, and where to go on
  kBatch,        ///< application/cloudevents-batch+json
  kLines,        ///< NDJSON, to the end
  kEventStream,  ///< SSE, on into what will be appended
  kWebSocket,    ///< the same
};

inline constexpr std::array kReadForms = {ReadForm::kPage, ReadForm::kBatch, ReadForm::kLines,
                                          ReadForm::kEventStream, ReadForm::kWebSocket};

/// "page", "batch", "lines", "event_stream", "web_socket"
[[nodiscard]] std::string_view name(ReadForm form);

}  // namespace stele::http
