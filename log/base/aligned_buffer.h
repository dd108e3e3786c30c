// Memory for files that go past the page cache: starts and ends on 4 KiB, grows, is reused.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "log/base/bytes.h"
#include "log/base/check.h"

namespace stele {

inline constexpr std::size_t kBlockBytes = 4096;

[[nodiscard]] constexpr std::uint64_t round_up_to_block(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

class AlignedBuffer {
public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes) { resize(bytes); }

  /// At least `bytes`, rounded up to whole blocks. Contents are undefined afterwards; never shrinks
  /// its memory.
  void resize(std::size_t bytes) {
    size_ = round_up_to_block(bytes);
    if (size_ <= capacity_) return;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, size_)));
    STELE_CHECK(memory_ != nullptr);
    capacity_ = size_;
  }
  [[nodiscard]] std::byte* data() { return memory_.get(); }
  [[nodiscard]] const std::byte* data() const { return memory_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] ByteSpan span() { return {data(), size_}; }
  [[nodiscard]] ByteView view() const { return {data(), size_}; }

private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stele
