// Reads Protobuf's wire format in place, for the requests that are many (decode_append.h);
// everything else is parsed with the generated classes.
//
//   WireReader in(bytes);
//   while (in.next()) switch (in.field()) { case 1: name = in.text(); break; … }
//   if (in.failed()) …      // cut off, or a field of another wire type than it is asked for
//
// Fields that nobody asks for are passed over, as Protobuf does. Views are valid as long as the
// bytes. Thread: its owner's.
#pragma once

#include <cstdint>
#include <string_view>

#include "log/base/bytes.h"

namespace stele::rpc {

class WireReader {
public:
  explicit WireReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  /// True if field() is the next one; false at the end, or at a fault.
  [[nodiscard]] bool next();
  [[nodiscard]] std::uint32_t field() const { return field_; }
  [[nodiscard]] bool failed() const { return failed_; }
  void fail() { failed_ = true; }

  // The value of the field that next() went to. Of another wire type: failed().
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] std::string_view bytes();
  /// The same; not UTF-8: failed().
  [[nodiscard]] std::string_view text();

private:
  enum class Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  [[nodiscard]] std::uint64_t varint();
  void take_value();

  const char* at_;
  const char* end_;
  std::uint32_t field_ = 0;
  Type type_ = Type::kVarint;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace stele::rpc
