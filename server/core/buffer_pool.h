// Buffers for what is received and what is sent, kept warm: a buffer that comes back is given out
// again as it is, so that no byte is zeroed and no page faulted in twice.
//
//   limit:  |------ in use ------|-- kept, free --|...........|
//                                                  ^ full() when `in use` reaches it: callers stop
//                                                    reading sockets until some come back
//
// Invariants: in_use + free never exceeds the limit by more than the one buffer that was just
// taken; the content of a taken buffer is unspecified.
// Threads: any. Lifetime: the pool outlives its buffers (it is shared with them).
#pragma once

#include <cstddef>
#include <memory>

#include "log/base/bytes.h"

namespace stele::server {

class Buffer {
public:
  explicit Buffer(std::size_t bytes);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] ByteSpan span() { return {data_, bytes_}; }

private:
  std::byte* data_;
  std::size_t bytes_;
};
using BufferPtr = std::shared_ptr<Buffer>;

class BufferPool {
public:
  struct Limits {
    std::size_t in_use_bytes_max = 256 << 20;
    std::size_t free_bytes_max = 32 << 20;  ///< kept for reuse
  };

  explicit BufferPool(Limits limits);
  ~BufferPool();

  /// At least `bytes`, at most a quarter more. Given out even when full(): who must not exceed the
  /// limit asks first. Throws std::bad_alloc.
  [[nodiscard]] BufferPtr take(std::size_t bytes);
  [[nodiscard]] bool full() const;
  /// Whether take(bytes) stays within the limit. Small buffers may go an eighth beyond it, so that
  /// small requests get through while large ones fill the memory.
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  [[nodiscard]] std::size_t in_use_bytes() const;
  [[nodiscard]] std::size_t free_bytes() const;
  [[nodiscard]] std::size_t limit_bytes() const;

private:
  class Shelf;
  std::shared_ptr<Shelf> shelf_;
};

/// The size that take(bytes) gives: the next quarter of a power of two, at least 4 KiB.
[[nodiscard]] std::size_t buffer_class_bytes(std::size_t bytes);

}  // namespace stele::server
