// Writes JSON text behind what a string holds. Nothing is allocated but by that string's growth.
//
//   JsonObject object(out);                  // {
//   object.text("id", id);                   // "id":"…"
//   object.wide("position", 17);             // "position":"17": 64-bit integers are strings
//   object.close();                          // }
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/base/bytes.h"
#include "log/base/error.h"

namespace stele::cloudevents {

/// A JSON string. Bytes that are not UTF-8 are written as U+FFFD, one for each.
void write_json_string(std::string_view text, std::string& out);
/// A JSON string of a 64-bit integer: "17".
void write_wide(std::int64_t value, std::string& out);
void write_integer(std::int64_t value, std::string& out);

/// RFC 4648 §4, with padding.
void append_base64(ByteView bytes, std::string& out);
/// Appends the bytes. False: it is not base64 (its padding included).
[[nodiscard]] bool decode_base64(std::string_view text, std::string& out);

/// Members of one object, in the order of the calls. Names are ours: they need no escape.
class JsonObject {
public:
  enum GoesOn : std::uint8_t { kGoesOn };

  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }
  /// One whose brace and first members are there already.
  JsonObject(std::string& out, GoesOn) : out_(out), first_(false) {}

  void text(std::string_view name, std::string_view value) { write_json_string(value, at(name)); }
  void wide(std::string_view name, std::int64_t value) { write_wide(value, at(name)); }
  void integer(std::string_view name, std::int64_t value) { write_integer(value, at(name)); }
  void boolean(std::string_view name, bool value) { at(name).append(value ? "true" : "false"); }
  /// Where the member's value is to be written next.
  [[nodiscard]] std::string& at(std::string_view name);
  void close() { out_.push_back('}'); }

private:
  std::string& out_;
  bool first_ = true;
};

/// Writes `[…]`, each element by `write(element)`.
template <class Range, class Write>
void write_array(const Range& elements, std::string& out, const Write& write) {
  out.push_back('[');
  bool first = true;
  for (const auto& element : elements) {
    if (!first) out.push_back(',');
    first = false;
    write(element);
  }
  out.push_back(']');
}

}  // namespace stele::cloudevents
