// Writes Protobuf's wire format into one buffer, which becomes a gRPC message without being copied.
// For the messages that are many: events, and the answers to appends. Everything else is made with
// the generated classes; tests read what is written here with those.
//
//   [ tag | length | … nested [ tag | length | … ] … ]
//                ^ nested lengths are written when they are known, padded to a fixed width, which
//                  every Protobuf parser accepts
//
// Thread: its owner's.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "log/base/bytes.h"

namespace stele::rpc {

class WireWriter {
public:
  WireWriter() = default;
  explicit WireWriter(std::size_t bytes_expected) { reserve(bytes_expected); }
  WireWriter(WireWriter&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  WireWriter& operator=(WireWriter&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~WireWriter();

  void number(std::uint32_t field, std::uint64_t value) {
    reserve(kVarintMax * 2);
    put_varint(std::uint64_t{field} << 3);
    put_varint(value);
  }
  /// Left out if it is 0, as proto3 does with fields that are not optional.
  void number_unless_0(std::uint32_t field, std::uint64_t value) {
    if (value != 0) number(field, value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    reserve(kVarintMax + sizeof value);
    put_varint(std::uint64_t{field} << 3 | 1);
    std::memcpy(data_ + size_, &value, sizeof value);
    size_ += sizeof value;
  }
  void text(std::uint32_t field, std::string_view value) {
    reserve(kVarintMax * 2 + value.size());
    put_varint(std::uint64_t{field} << 3 | 2);
    put_varint(value.size());
    if (!value.empty()) std::memcpy(data_ + size_, value.data(), value.size());
    size_ += value.size();
  }
  void text_unless_empty(std::uint32_t field, std::string_view value) {
    if (!value.empty()) text(field, value);
  }
  void text(std::uint32_t field, ByteView value) { text(field, as_text(value)); }
  /// An element of a packed list that was begun.
  void element(std::uint64_t value) {
    reserve(kVarintMax);
    put_varint(value);
  }

  /// Where a nested message or packed list began; given to end().
  using Mark = std::size_t;
  [[nodiscard]] Mark begin(std::uint32_t field) {
    reserve(kVarintMax * 2);
    put_varint(std::uint64_t{field} << 3 | 2);
    size_ += kLengthBytes;
    return size_;
  }
  void end(Mark mark);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view view() const {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  /// What was written behind `from`.
  [[nodiscard]] std::string_view since(std::size_t from) const { return view().substr(from); }
  void append(std::string_view encoded);
  void clear() { size_ = 0; }

  /// What was written, as a message. The writer is empty then.
  [[nodiscard]] ::grpc::ByteBuffer take();

private:
  static constexpr std::size_t kVarintMax = 10;
  static constexpr std::size_t kLengthBytes = 4;  // 28 bits

  void reserve(std::size_t more) {
    if (capacity_ - size_ < more) grow(more);
  }
  void grow(std::size_t more);
  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      data_[size_++] = static_cast<std::byte>(value | 0x80);
      value >>= 7;
    }
    data_[size_++] = static_cast<std::byte>(value);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stele::rpc
