// Little-endian fields one after the other: how superblocks are written and read back. The reader
// never runs past its end: it turns bad, gives zeros, and says so at the end.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "log/base/bytes.h"
#include "log/base/uuid.h"

namespace stele {

class ByteWriter {
public:
  template <std::integral T>
  void put(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    store_le(out_.data() + at, value);
  }
  void put(const Uuid& id) { put_bytes(id.bytes); }
  void put_bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] Bytes take() { return std::move(out_); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

private:
  Bytes out_;
};

class ByteReader {
public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <std::integral T>
  [[nodiscard]] T get() {
    const ByteView from = get_bytes(sizeof(T));
    return from.empty() ? T{} : load_le<T>(from.data());
  }
  [[nodiscard]] Uuid get_uuid() {
    const ByteView from = get_bytes(sizeof(Uuid));
    return from.empty() ? Uuid{} : Uuid::load(from.data());
  }
  /// Empty (and bad from now on) if fewer are left.
  [[nodiscard]] ByteView get_bytes(std::size_t count) {
    if (bad_ || count > bytes_.size() - at_) {
      bad_ = true;
      return {};
    }
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  /// A count of things that take at least `least_bytes` each; 0 and bad if they cannot all be
  /// there.
  [[nodiscard]] std::size_t get_count(std::size_t least_bytes) {
    const auto count = get<std::uint32_t>();
    if (count * least_bytes > bytes_.size() - at_) bad_ = true;
    return bad_ ? 0 : count;
  }
  [[nodiscard]] bool ok() const { return !bad_; }
  [[nodiscard]] bool finished() const { return !bad_ && at_ == bytes_.size(); }

private:
  ByteView bytes_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

}  // namespace stele
