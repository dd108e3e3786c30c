#include "projections/fold/input_event.h"

#include <fmt/format.h>

#include "log/events/event_view.h"

namespace stele::projections {

namespace {

constexpr std::size_t kStreamBytesShown = 64;

/// A stream's name as a message shows it: what cannot be printed as "\x..", cut where it is long.
std::string shown(ByteView stream) {
  std::string text;
  for (const std::byte byte : stream.first(std::min(stream.size(), kStreamBytesShown))) {
    const auto code = std::to_integer<unsigned>(byte);
    if (code >= 0x20 && code < 0x7f) {
      text.push_back(static_cast<char>(code));
    } else {
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", code);
    }
  }
  if (stream.size() > kStreamBytesShown) text += "…";
  return text;
}

}  // namespace

std::string event_id(const InputEvent& event) {
  for (const HeaderView& header : event.headers) {
    if (header.key == "ce_id" && header.value && !header.value->empty()) {
      return std::string(as_text(*header.value));
    }
  }
  std::string made;
  log::append_made_id(made, event.topic, event.partition, event.offset);
  return made;
}

std::string event_place(const InputEvent& event) {
  std::string text;
  log::append_made_id(text, event.topic, event.partition, event.offset);
  fmt::format_to(std::back_inserter(text), " ({}",
                 event.type.empty() ? std::string_view("no type") : event.type);
  if (event.stream) fmt::format_to(std::back_inserter(text), ", stream {}", shown(*event.stream));
  text.push_back(')');
  return text;
}

}  // namespace stele::projections
