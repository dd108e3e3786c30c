#include "log/env/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/env/posix_error.h"

namespace stele {
namespace {

constexpr std::size_t kDirectAlignment = 4096;
constexpr std::size_t kPiecesPerCall = 64;
constexpr mode_t kFileMode = 0600;

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateFresh:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

// What is still to be written of a list of pieces.
class PieceCursor {
public:
  explicit PieceCursor(std::span<const ByteView> pieces) : pieces_(pieces) { skip_empty(); }

  [[nodiscard]] bool done() const { return piece_ == pieces_.size(); }

  std::span<iovec> fill(std::span<iovec> into) const {
    std::size_t count = 0;
    std::size_t skipped = inside_;
    for (std::size_t i = piece_; i < pieces_.size() && count < into.size(); ++i) {
      ByteView rest = pieces_[i].subspan(skipped);
      skipped = 0;
      if (rest.empty()) continue;
      into[count++] = {.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = rest.size()};
    }
    return into.first(count);
  }

  void advance(std::size_t bytes) {
    while (bytes > 0) {
      STELE_CHECK(!done());
      std::size_t step = std::min(bytes, pieces_[piece_].size() - inside_);
      inside_ += step;
      bytes -= step;
      skip_empty();
    }
  }

private:
  void skip_empty() {
    while (piece_ < pieces_.size() && inside_ == pieces_[piece_].size()) {
      ++piece_;
      inside_ = 0;
    }
  }

  std::span<const ByteView> pieces_;
  std::size_t piece_ = 0;
  std::size_t inside_ = 0;
};

bool is_aligned(const void* bytes, std::size_t size, std::uint64_t at) {
  return (reinterpret_cast<std::uintptr_t>(bytes) | size | at) % kDirectAlignment == 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (raw_ >= 0) ::close(raw_);
}

Result<std::unique_ptr<PosixFile>> PosixFile::open(const std::string& path, OpenMode mode,
                                                   bool direct, Notice& no_direct) {
  int raw = -1;
  do {
    raw = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  } while (raw < 0 && errno == EINTR);
  if (raw < 0) return posix_error(errno, "open", path);
  std::unique_ptr<PosixFile> file(new PosixFile(Descriptor(raw), path, no_direct));
  struct stat status{};
  if (::fstat(raw, &status) != 0) return posix_error(errno, "stat", path);
  if (S_ISDIR(status.st_mode)) return fail(Code::kIo, "open {}: is a folder", path);
  if (direct) file->try_direct();
  return file;
}

void PosixFile::try_direct() {
  // Set afterwards, because open(O_CREAT | O_DIRECT) may leave a file behind when it is refused.
  int flags = ::fcntl(descriptor(), F_GETFL);
  if (flags >= 0 && ::fcntl(descriptor(), F_SETFL, flags | O_DIRECT) == 0) {
    direct_ = true;
    return;
  }
  no_direct_.say(Severity::kInfo,
                 fmt::format("direct_io_unavailable path={} fallback=page_cache", path_));
}

bool PosixFile::give_up_direct(const void* bytes, std::size_t size, std::uint64_t at) const {
  if (!direct() || !is_aligned(bytes, size, at)) return false;
  int flags = ::fcntl(descriptor(), F_GETFL);
  if (flags < 0 || ::fcntl(descriptor(), F_SETFL, flags & ~O_DIRECT) != 0) return false;
  if (direct_.exchange(false)) {
    no_direct_.say(Severity::kInfo,
                   fmt::format("direct_io_refused path={} fallback=page_cache", path_));
  }
  return true;
}

Result<std::size_t> PosixFile::read(ByteSpan into, std::uint64_t at) const {
  std::size_t filled = 0;
  while (filled < into.size()) {
    ByteSpan rest = into.subspan(filled);
    ssize_t got = ::pread(descriptor(), rest.data(), rest.size(), static_cast<off_t>(at + filled));
    if (got == 0) break;
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
      // A direct read that is not a whole number of blocks has reached the end of the file.
      if (direct() && filled % kDirectAlignment != 0) break;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EINVAL && give_up_direct(rest.data(), rest.size(), at + filled)) continue;
    return posix_error(errno, "read", path_);
  }
  return filled;
}

Result<std::size_t> PosixFile::read_cached(ByteSpan into, std::uint64_t at) const {
  if (direct()) return 0;
  iovec piece{.iov_base = into.data(), .iov_len = into.size()};
  ssize_t got = -1;
  do {
    got = ::preadv2(descriptor(), &piece, 1, static_cast<off_t>(at), RWF_NOWAIT);
  } while (got < 0 && errno == EINTR);
  if (got >= 0) return static_cast<std::size_t>(got);
  if (errno == EAGAIN) return 0;
  if (errno == EOPNOTSUPP || errno == ENOSYS) return read(into, at);
  return posix_error(errno, "read", path_);
}

Result<void> PosixFile::write(std::span<const ByteView> pieces, std::uint64_t at) {
  return write_all(pieces, at, 0);
}

Result<void> PosixFile::write_all(std::span<const ByteView> pieces, std::uint64_t at, int flags) {
  PieceCursor cursor(pieces);
  std::array<iovec, kPiecesPerCall> room;
  while (!cursor.done()) {
    std::span<iovec> batch = cursor.fill(room);
    ssize_t put = ::pwritev2(descriptor(), batch.data(), static_cast<int>(batch.size()),
                             static_cast<off_t>(at), flags);
    if (put > 0) {
      cursor.advance(static_cast<std::size_t>(put));
      at += static_cast<std::uint64_t>(put);
      continue;
    }
    if (put == 0) return fail(Code::kIo, "write {}: the device took no bytes", path_);
    if (errno == EINTR) continue;
    bool aligned = std::ranges::all_of(
        batch, [&](const iovec& io) { return is_aligned(io.iov_base, io.iov_len, at); });
    if (errno == EINVAL && aligned && give_up_direct(nullptr, 0, at)) continue;
    if ((errno == EOPNOTSUPP || errno == ENOSYS) && flags != 0) {
      return fail(Code::kUnsupported, "write {}: no durable writes", path_);
    }
    return posix_error(errno, "write", path_);
  }
  return {};
}

Result<void> PosixFile::write_and_sync(ByteView bytes, std::uint64_t at) {
  Result<void> written = write_all(std::span(&bytes, 1), at, RWF_DSYNC);
  if (written || written.error().code != Code::kUnsupported) return written;
  STELE_DO(write_all(std::span(&bytes, 1), at, 0));
  return sync();
}

Result<void> PosixFile::sync() {
  if (::fdatasync(descriptor()) != 0) return posix_error(errno, "sync", path_);
  return {};
}

Result<void> PosixFile::reserve(std::uint64_t at, std::uint64_t bytes) {
  if (bytes == 0) return {};
  int outcome = -1;
  do {
    outcome = ::fallocate(descriptor(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
                          static_cast<off_t>(bytes));
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return posix_error(errno, "reserve", path_);
  // The file system cannot reserve: that there is room now is all that can be known.
  struct statvfs status{};
  if (::fstatvfs(descriptor(), &status) != 0) return posix_error(errno, "reserve", path_);
  if (status.f_bavail * status.f_frsize < bytes) return posix_error(ENOSPC, "reserve", path_);
  return {};
}

Result<void> PosixFile::truncate(std::uint64_t bytes) {
  int outcome = -1;
  do {
    outcome = ::ftruncate(descriptor(), static_cast<off_t>(bytes));
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) return posix_error(errno, "truncate", path_);
  return {};
}

Result<std::uint64_t> PosixFile::size() const {
  struct stat status{};
  if (::fstat(descriptor(), &status) != 0) return posix_error(errno, "stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

void PosixFile::drop_cache() {
  ::posix_fadvise(descriptor(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace stele
