// Reads JSON text from front to back, value by value, and checks all of it. What it accepts is RFC
// 8259 and more: no member twice in an object, at most 64 levels, strings that are UTF-8 and have
// no U+0000 or lone surrogate, numbers that a double can hold the size of (1e999 is refused; 30
// digits are not).
//
//   JsonReader in(text);
//   for (in.enter_object(); in.next_member();) {
//     if (in.key() == "id") id = in.string(); else in.skip();
//   }
//   if (!in.finish()) return std::unexpected(in.error());      // "/events/3/id (byte 71): not a
//   string"
//
// The failure is sticky: the first fault is kept, later calls answer nothing and loops end. Ask
// once, at the end. simdjson is not used here because its fast reader does not check what it skips,
// and members given twice and long integers must be told apart in data, too; the tests compare with
// it. Thread: its owner's. Lifetime: `text` outlives it and the views it gives.
#pragma once

#include <array>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"

namespace stele::cloudevents {

inline constexpr std::size_t kJsonDepthMax = 64;

enum class JsonKind : std::uint8_t { kNone, kObject, kArray, kString, kNumber, kBool, kNull };

class JsonReader {
public:
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  /// Of the value that comes next; kNone if there is none, or at a fault.
  [[nodiscard]] JsonKind kind();

  /// A fault if the next value is no object.
  void enter_object();
  /// True if a member is next: key() is its name, its value has to be read. False behind the last
  /// one (the object is left), or at a fault.
  [[nodiscard]] bool next_member();
  /// Valid until the object is left.
  [[nodiscard]] std::string_view key() const { return levels_[depth_ - 1].key(); }

  void enter_array();
  /// The same for the elements of an array.
  [[nodiscard]] bool next_element();

  /// The next value, which has to be a string, decoded. Valid until the next string().
  [[nodiscard]] std::string_view string();
  /// The next value, which has to be a number, as it is written.
  [[nodiscard]] std::string_view number();
  [[nodiscard]] bool boolean();
  void null();
  /// Any value, checked; its text as it stands.
  std::string_view skip();

  /// Makes what was read last a fault: `what` is wrong with it.
  void fail(std::string what, Code code = Code::kInvalid);
  /// Bytes that are not read yet.
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  /// True if all was well, and nothing but blanks is left.
  [[nodiscard]] bool finish();
  /// kInvalid, or as told to fail(), with the JSON pointer of the place and the byte. To be asked
  /// after finish() said false.
  [[nodiscard]] Error error() const { return *error_; }

private:
  /// Not initialized: only those below depth_ are looked at.
  struct Level {
    const char* key_begin;  ///< of an object: the member's
    std::size_t key_size;
    std::int64_t index;     ///< members or elements begun, less one
    std::size_t first_key;  ///< of an object: where its keys begin in keys_
    bool is_object;

    [[nodiscard]] std::string_view key() const { return {key_begin, key_size}; }
    void set_key(std::string_view key) {
      key_begin = key.data();
      key_size = key.size();
    }
  };

  void skip_blanks();
  [[nodiscard]] bool take(char c);
  void expect(char c, const char* what);
  void enter(char bracket, bool is_object, const char* what);
  void leave();
  [[nodiscard]] bool begin_next(char closing);
  void take_key();
  void check_duplicates(const Level& level);

  [[nodiscard]] std::string_view take_string(std::string& decoded);
  [[nodiscard]] bool scan_plain();
  void take_escape(std::string& to);
  [[nodiscard]] std::uint32_t take_hex4();
  void take_digits();
  void take_word(std::string_view word);
  [[nodiscard]] std::string pointer() const;

  const char* begin_;
  const char* at_;
  const char* end_;
  std::optional<Error> error_;
  std::array<Level, kJsonDepthMax> levels_;
  std::size_t depth_ = 0;
  std::vector<std::string_view> keys_;           ///< of all open objects
  std::forward_list<std::string> decoded_keys_;  ///< of those that have escapes
  std::string decoded_;
  bool not_ascii_ = false;  ///< the string being read has bytes from 0x80 on
};

}  // namespace stele::cloudevents
