#include "server/core/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace stele::server {

namespace {
constexpr std::size_t kBufferBytesMin = 4096;
constexpr std::size_t kSmallBufferBytes = 64 << 10;
constexpr std::align_val_t kAlignment{64};
}  // namespace

Buffer::Buffer(std::size_t bytes)
    : data_(static_cast<std::byte*>(::operator new(bytes, kAlignment))), bytes_(bytes) {}

Buffer::~Buffer() {
  ::operator delete(data_, kAlignment);
}

std::size_t buffer_class_bytes(std::size_t bytes) {
  if (bytes <= kBufferBytesMin) return kBufferBytesMin;
  const std::size_t step =
      std::bit_ceil(bytes) / 8;  // four classes from a power of two to the next
  return (bytes + step - 1) / step * step;
}

/// What the pool and every buffer that is out share.
class BufferPool::Shelf {
public:
  explicit Shelf(Limits limits) : limits_(limits) {}

  std::unique_ptr<Buffer> take(std::size_t bytes) {
    const std::size_t wanted = buffer_class_bytes(bytes);
    std::lock_guard lock(mutex_);
    if (auto at = free_.find(wanted); at != free_.end() && !at->second.empty()) {
      std::unique_ptr<Buffer> buffer = std::move(at->second.back());
      at->second.pop_back();
      free_bytes_ -= wanted;
      in_use_bytes_ += wanted;
      return buffer;
    }
    if (in_use_bytes_ + free_bytes_ + wanted > limits_.in_use_bytes_max) drop_free();
    auto buffer = std::make_unique<Buffer>(wanted);
    in_use_bytes_ += wanted;
    return buffer;
  }

  void give_back(std::unique_ptr<Buffer> buffer) noexcept {
    std::lock_guard lock(mutex_);
    in_use_bytes_ -= buffer->size();
    if (free_bytes_ + buffer->size() > limits_.free_bytes_max) return;
    try {
      auto& shelf = free_[buffer->size()];
      shelf.reserve(shelf.size() + 1);
      free_bytes_ += buffer->size();
      shelf.push_back(std::move(buffer));
    } catch (const std::bad_alloc&) {
      return;  // the buffer is freed instead of kept
    }
  }

  [[nodiscard]] std::size_t in_use_bytes() const {
    std::lock_guard lock(mutex_);
    return in_use_bytes_;
  }
  [[nodiscard]] std::size_t free_bytes() const {
    std::lock_guard lock(mutex_);
    return free_bytes_;
  }
  [[nodiscard]] std::size_t limit_bytes() const { return limits_.in_use_bytes_max; }

private:
  void drop_free() {
    free_.clear();
    free_bytes_ = 0;
  }

  const Limits limits_;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<std::unique_ptr<Buffer>>> free_;
  std::size_t in_use_bytes_ = 0;
  std::size_t free_bytes_ = 0;
};

BufferPool::BufferPool(Limits limits) : shelf_(std::make_shared<Shelf>(limits)) {}
BufferPool::~BufferPool() = default;

BufferPtr BufferPool::take(std::size_t bytes) {
  std::unique_ptr<Buffer> buffer = shelf_->take(bytes);
  return BufferPtr(buffer.release(), [shelf = shelf_](Buffer* raw) {
    shelf->give_back(std::unique_ptr<Buffer>(raw));
  });
}

bool BufferPool::full() const {
  return shelf_->in_use_bytes() >= shelf_->limit_bytes();
}
bool BufferPool::has_room(std::size_t bytes) const {
  const std::size_t limit = limit_bytes();
  const std::size_t reserve = bytes <= kSmallBufferBytes ? limit / 8 : 0;
  return in_use_bytes() + buffer_class_bytes(bytes) <= limit + reserve;
}
std::size_t BufferPool::in_use_bytes() const {
  return shelf_->in_use_bytes();
}
std::size_t BufferPool::free_bytes() const {
  return shelf_->free_bytes();
}
std::size_t BufferPool::limit_bytes() const {
  return shelf_->limit_bytes();
}

}  // namespace stele::server
