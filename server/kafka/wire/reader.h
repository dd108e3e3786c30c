// Reads Kafka's wire types off a byte view, checking every length against what is there before it
// is used.
//
// Each read says true, or false after noting what is wrong; the callers, unwinding, add where
// (`within`), so that a path is only built when there is something to report. Never throws but for
// want of memory, never allocates for a count that the remaining bytes cannot hold. Text and bytes
// are views into the input. Thread: any, one at a time.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/uuid.h"

namespace stele::kafka {

/// What one message may ask for. Both are Kafka's own bounds (4.4, upgrade notes); elements are
/// counted over all arrays of the message together, so that nesting does not multiply them.
struct ReadLimits {
  std::size_t elements_max = 1'000'000;
  std::uint32_t tags_max = 10'000;  ///< in one struct
};

/// How a value of variable length is encoded in its place.
struct Slot {
  bool compact = false;   ///< length + 1 as an unsigned varint, else a fixed length
  bool nullable = false;  ///< null is allowed
};

inline constexpr std::size_t kTextBytesMax = 0x7fff;

class Reader {
public:
  explicit Reader(ByteView bytes, ReadLimits limits = {}) : rest_(bytes), limits_(limits) {}

  template <std::integral T>
  [[nodiscard]] bool fixed(T& out) {
    if (rest_.size() < sizeof(T)) return fail("ends too early");
    if constexpr (std::same_as<T, bool>) {
      out = rest_[0] != std::byte{0};
    } else {
      out = load_be<T>(rest_.data());
    }
    rest_ = rest_.subspan(sizeof(T));
    return true;
  }
  [[nodiscard]] bool fixed(double& out);
  [[nodiscard]] bool fixed(Uuid& out);
  [[nodiscard]] bool varint(std::uint32_t& out);
  [[nodiscard]] bool text(Slot slot, std::optional<std::string_view>& out);
  [[nodiscard]] bool bytes(Slot slot, std::optional<ByteView>& out);
  /// Element count of an array whose elements take at least `element_bytes_min` each; nullopt is
  /// null.
  [[nodiscard]] bool count(Slot slot, std::size_t element_bytes_min,
                           std::optional<std::size_t>& out);
  /// Whether a struct that may be null follows.
  [[nodiscard]] bool presence(Slot slot, bool& out);
  [[nodiscard]] bool tag_count(std::uint32_t& out);
  /// A tag and its contents.
  [[nodiscard]] bool tag(std::uint32_t& number, ByteView& contents);

  [[nodiscard]] ByteView rest() const { return rest_; }
  /// Puts other bytes in front (a tag's contents) and hands back those that were; `rest` puts them
  /// back.
  [[nodiscard]] ByteView swap(ByteView bytes) { return std::exchange(rest_, bytes); }

  /// Notes the first problem. Always false, so that `return reader.fail(…)` reads well.
  bool fail(std::string_view problem);
  bool within(std::string_view field);
  bool within(std::size_t element);
  /// kInvalid with the path: "ProduceRequest v9: topic_data[0].name: ends too early".
  [[nodiscard]] Error error(std::string_view message, std::int16_t version) const;

private:
  [[nodiscard]] bool take(std::size_t size, ByteView& out);
  /// -1 is null.
  template <std::signed_integral Fixed>
  [[nodiscard]] bool length(Slot slot, std::int64_t& out);

  ByteView rest_;
  ReadLimits limits_;
  std::string_view problem_;
  std::string path_;
};

}  // namespace stele::kafka
