// Writes Kafka's wire types into a frame that the socket sends in pieces: small values are copied
// into the frame's own buffer, record bytes are only pointed at.
//
//   own buffer   [ size | header | fields …      | fields …        | … ]
//   borrowed                            ^ records         ^ records
//
// Whoever owns borrowed bytes keeps them until the frame is sent. Thread: any, one at a time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/uuid.h"
#include "server/kafka/wire/reader.h"

namespace stele::kafka {

/// Record batches on their way out: pieces, sent one after the other. Null only if `null` is set.
struct Records {
  std::vector<ByteView> pieces;
  bool null = false;

  [[nodiscard]] std::size_t size() const {
    std::size_t total = 0;
    for (ByteView piece : pieces) total += piece.size();
    return total;
  }
};

/// Bytes of this size and more are borrowed; a smaller copy costs less than one more piece to send.
inline constexpr std::size_t kBorrowBytesMin = 256;

/// A frame ready for the socket, its 4-byte size included.
class Frame {
public:
  /// The pieces in order, for a gathering write. Valid until the frame moves or goes.
  [[nodiscard]] std::vector<ByteView> pieces() const;
  [[nodiscard]] std::size_t size() const { return own_.size() + borrowed_bytes_; }
  /// Everything in one buffer; copies.
  [[nodiscard]] Bytes flat() const;

private:
  friend class Writer;
  struct Borrowed {
    std::size_t at;  ///< place in own_ in front of which the bytes go
    ByteView bytes;
  };
  Bytes own_;
  std::vector<Borrowed> borrowed_;
  std::size_t borrowed_bytes_ = 0;
};

class Writer {
public:
  template <std::integral T>
  [[nodiscard]] bool fixed(T value) {
    if constexpr (std::same_as<T, bool>) {
      frame_.own_.push_back(value ? std::byte{1} : std::byte{0});
    } else {
      store_be(grow(sizeof(T)), value);
    }
    return true;
  }
  [[nodiscard]] bool fixed(double value);
  [[nodiscard]] bool fixed(const Uuid& value);
  bool varint(std::uint32_t value);
  [[nodiscard]] bool text(Slot slot, std::optional<std::string_view> value);
  [[nodiscard]] bool bytes(Slot slot, std::optional<ByteView> value);
  [[nodiscard]] bool records(Slot slot, const Records& value);
  [[nodiscard]] bool count(Slot slot, std::optional<std::size_t> value);
  /// In front of a struct that may be null; false is null.
  [[nodiscard]] bool presence(Slot slot, bool value);
  /// A tag and its contents.
  [[nodiscard]] bool tag(std::uint32_t number, const Writer& contents);

  bool fail(std::string_view problem);
  bool within(std::string_view field);
  bool within(std::size_t element);
  void take_problem(const Writer& other);
  [[nodiscard]] Error error(std::string_view message, std::int16_t version) const;

  /// Leaves room for the frame's size, which framed() fills in. Before anything else is written.
  void reserve_frame_size();
  /// The frame with its size in front. kTooLarge past 2 GiB.
  [[nodiscard]] Result<Frame> framed() &&;
  /// What was written, without a size in front.
  [[nodiscard]] Frame bare() && { return std::move(frame_); }

private:
  [[nodiscard]] std::byte* grow(std::size_t size);
  void copy(ByteView bytes);
  void copy_or_borrow(ByteView bytes);
  template <std::signed_integral Fixed>
  [[nodiscard]] bool length(Slot slot, std::optional<std::size_t> value, std::size_t max);

  Frame frame_;
  std::string problem_;
  std::string path_;
};

}  // namespace stele::kafka
