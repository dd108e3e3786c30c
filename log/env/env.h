// Env: the only door between log/ and the world: files, time, randomness, work that must not block
// the core. PosixEnv is the real one; the tests' SimEnv has a disk that tears, loses and reorders.
// Nothing in log/ outside log/env/ may open a file, look at a clock, start a thread or draw a
// random number by itself (tools/dev/tidy.py).
//
// Threads: files may be read by any thread at once; a file is written by one thread at a time.
// now(), wall_us(), random() and pause() are thread-safe. write_durably(), offload*(), poll() and
// wait() belong to whoever runs the core.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"

namespace stele {

enum class OpenMode : std::uint8_t {
  kRead,        ///< must exist
  kReadWrite,   ///< must exist
  kCreate,      ///< created empty if it is not there
  kCreateFresh  ///< must not exist
};

/// An open file. Closed by its destructor; what was not synced is then not durable.
class File {
public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Fills `into` from byte `at`; the count is smaller than asked only at the end of the file. kIo.
  virtual Result<std::size_t> read(ByteSpan into, std::uint64_t at) const = 0;
  /// Like read(), but only what is in memory already; a count of 0 before the end means "ask off
  /// the core".
  virtual Result<std::size_t> read_cached(ByteSpan into, std::uint64_t at) const = 0;
  /// Writes all of `pieces`, one after the other, from byte `at`. kNoSpace or kIo: any part may be
  /// there.
  virtual Result<void> write(std::span<const ByteView> pieces, std::uint64_t at) = 0;
  Result<void> write(ByteView bytes, std::uint64_t at) { return write(std::span(&bytes, 1), at); }
  /// Makes everything written durable, size included (fdatasync). Never retried after kIo: the page
  /// cache may have dropped what it could not write.
  virtual Result<void> sync() = 0;
  /// Reserves blocks for [at, at + bytes) without changing the size. kNoSpace.
  virtual Result<void> reserve(std::uint64_t at, std::uint64_t bytes) = 0;
  /// Cuts or extends (with zeros) to `bytes`; gives back what was reserved beyond.
  virtual Result<void> truncate(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  /// Drops the clean cached pages, so that the next read comes from the device.
  virtual void drop_cache() = 0;
  /// True if the file goes past the page cache (O_DIRECT): buffers, places and lengths are
  /// multiples of 4,096 then.
  [[nodiscard]] virtual bool direct() const = 0;
};

/// Held until destroyed.
class FolderLock {
public:
  FolderLock() = default;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  virtual ~FolderLock() = default;
};

struct FolderEntry {
  std::string name;
  bool is_folder = false;
  friend auto operator<=>(const FolderEntry&, const FolderEntry&) = default;
};

enum class Severity : std::uint8_t { kInfo, kWarn, kError };

using Work = std::move_only_function<Result<void>()>;
using Done = std::move_only_function<void(Result<void>)>;

class Env {
public:
  Env() = default;
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;
  virtual ~Env() = default;

  // --- files; paths are absolute or relative to the working folder, '/' separates ---

  /// kNotFound, kAlreadyExists (kCreateFresh), kNoSpace, kOverloaded (no file descriptors left),
  /// kIo. `direct` asks for O_DIRECT; where the file system has none, the file is opened plainly
  /// (File::direct()).
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                             bool direct = false) = 0;
  /// Creates `path` and its parents; fine if it is there already.
  virtual Result<void> make_folder(const std::string& path) = 0;
  /// Names in `path`, sorted. kNotFound.
  virtual Result<std::vector<FolderEntry>> list(const std::string& path) const = 0;
  /// Atomically gives the file another name, replacing what had it.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file or an empty folder; fine if it is gone already.
  virtual Result<void> remove(const std::string& path) = 0;
  /// Makes creations, renames and removals in `path` durable.
  virtual Result<void> sync_folder(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes(const std::string& path) const = 0;
  /// Takes `path` for this process. kAlreadyExists names the holder.
  virtual Result<std::unique_ptr<FolderLock>> lock(const std::string& path) = 0;

  // --- time and chance ---

  [[nodiscard]] virtual std::chrono::nanoseconds now() = 0;  ///< steady
  [[nodiscard]] virtual std::int64_t wall_us() = 0;          ///< since 1970; may jump
  [[nodiscard]] virtual std::uint64_t random() = 0;

  // --- work off the core; `done` runs inside poll() or wait(), never inside the call itself ---

  /// Writes and makes durable: a success means that power loss keeps it. `bytes` stays untouched
  /// until done.
  virtual void write_durably(File& file, ByteView bytes, std::uint64_t at, Done done) = 0;
  /// Runs `work` off the core (a slow flush, a cold read).
  virtual void offload(Work work, Done done) = 0;
  /// The same on a lane of its own, for work that takes seconds: nothing of offload() waits for it.
  virtual void offload_background(Work work, Done done) = 0;
  /// Sleeps so long: how background work, which calls it, keeps to a rate.
  virtual void pause(std::chrono::nanoseconds length) = 0;
  /// Runs the `done` of whatever has finished; returns how many. Never blocks.
  virtual std::size_t poll() = 0;
  /// Like poll(), but blocks up to `longest` until one has finished or wake() was called.
  virtual std::size_t wait(std::chrono::nanoseconds longest) = 0;
  /// Ends a wait() early; from any thread.
  virtual void wake() = 0;
  /// Readable when poll() has something to do, for an event loop; -1 if the env has none.
  [[nodiscard]] virtual int event_fd() const { return -1; }

  /// A line an operator can act on: "segment_rolled topic=orders partition=3 …".
  virtual void report(Severity severity, std::string_view line) = 0;
};

}  // namespace stele
