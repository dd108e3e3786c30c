// A file of PosixEnv: pread, pwritev and fdatasync on one descriptor.
//
// Invariants: a short read means the end of the file; a successful write() has written all of it.
// A direct file whose file system refuses a well-aligned access gives O_DIRECT up for good, says so
// once, and goes on through the page cache.
// Threads: reads from any; writes from one at a time. `no_direct` outlives the file.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <functional>
#include <string>

#include "log/env/env.h"

namespace stele {

using Reporter = std::function<void(Severity, std::string_view)>;

/// A line that is worth saying once per env, from whichever thread comes upon it first.
class Notice {
public:
  /// `reporter` outlives this.
  explicit Notice(const Reporter& reporter) : reporter_(reporter) {}
  void say(Severity severity, std::string_view line) {
    if (!said_.exchange(true)) reporter_(severity, line);
  }

private:
  const Reporter& reporter_;
  std::atomic<bool> said_{false};
};

/// An owned file descriptor.
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int raw) : raw_(raw) {}
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int raw() const { return raw_; }

private:
  int raw_ = -1;
};

class PosixFile final : public File {
public:
  /// Opened with O_CLOEXEC | O_NOFOLLOW, mode 0600. Codes as Env::open().
  [[nodiscard]] static Result<std::unique_ptr<PosixFile>> open(const std::string& path,
                                                               OpenMode mode, bool direct,
                                                               Notice& no_direct);

  using File::write;
  Result<std::size_t> read(ByteSpan into, std::uint64_t at) const override;
  Result<std::size_t> read_cached(ByteSpan into, std::uint64_t at) const override;
  Result<void> write(std::span<const ByteView> pieces, std::uint64_t at) override;
  Result<void> sync() override;
  Result<void> reserve(std::uint64_t at, std::uint64_t bytes) override;
  Result<void> truncate(std::uint64_t bytes) override;
  [[nodiscard]] Result<std::uint64_t> size() const override;
  void drop_cache() override;
  [[nodiscard]] bool direct() const override { return direct_.load(std::memory_order_relaxed); }

  /// Writes with RWF_DSYNC, or writes and then fdatasyncs where the kernel has no such flag. When
  /// it returns the bytes are durable. Codes as write().
  Result<void> write_and_sync(ByteView bytes, std::uint64_t at);
  /// After EINVAL for `bytes` at `at`: true if O_DIRECT was the reason and is off now, so that the
  /// access is worth repeating.
  bool give_up_direct(const void* bytes, std::size_t size, std::uint64_t at) const;
  [[nodiscard]] int descriptor() const { return descriptor_.raw(); }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  PosixFile(Descriptor descriptor, std::string path, Notice& no_direct)
      : descriptor_(std::move(descriptor)), path_(std::move(path)), no_direct_(no_direct) {}
  void try_direct();
  Result<void> write_all(std::span<const ByteView> pieces, std::uint64_t at, int flags);

  Descriptor descriptor_;
  std::string path_;
  Notice& no_direct_;
  mutable std::atomic<bool> direct_{false};
};

}  // namespace stele
