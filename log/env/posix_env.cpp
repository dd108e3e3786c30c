#include "log/env/posix_env.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/env/completions.h"
#include "log/env/flush_pace.h"
#include "log/env/folder_lock.h"
#include "log/env/helper_thread.h"
#include "log/env/posix_error.h"
#include "log/env/posix_file.h"
#include "log/env/uring_flusher.h"

namespace stele {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr int kBackgroundNice = 10;  // appends and fetches come first when cores are short

void print_warnings(Severity severity, std::string_view line) {
  if (severity == Severity::kInfo) return;
  fmt::print(stderr, "{} {}\n", severity == Severity::kWarn ? "warn" : "error", line);
}

// SplitMix64 (Steele, Lea, Flood 2014) over an atomic counter: any thread may draw.
class Randomness {
public:
  Randomness() {
    std::uint64_t seed = 0;
    STELE_CHECK(::getrandom(&seed, sizeof seed, 0) == sizeof seed);
    state_ = seed;
  }
  std::uint64_t draw() {
    constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_.fetch_add(kStep, std::memory_order_relaxed) + kStep;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

private:
  std::atomic<std::uint64_t> state_;
};

Result<void> make_one_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
  int number = errno;
  struct stat status{};
  bool there = ::stat(path.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) return {};
  if (there) return fail(Code::kIo, "make folder {}: a file has this name", path);
  return posix_error(number, "make folder", path);
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

bool is_folder(DIR* folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status{};
  return ::fstatat(::dirfd(folder), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

class PosixEnv final : public Env {
public:
  PosixEnv(PosixEnvOptions options, Descriptor event)
      : direct_(options.direct),
        flush_(options.flush),
        reporter_(options.reporter ? std::move(options.reporter) : print_warnings),
        completions_(std::move(event)),
        offload_thread_("stele-offload", completions_),
        background_thread_("stele-backgrnd", completions_, kBackgroundNice),
        flush_thread_("stele-flush", completions_) {
    if (flush_ == FlushEngine::kUring || flush_ == FlushEngine::kAdaptive) open_ring();
  }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, bool direct) override {
    return PosixFile::open(path, mode, direct && direct_, no_direct_);
  }
  Result<void> make_folder(const std::string& path) override;
  Result<std::vector<FolderEntry>> list(const std::string& path) const override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) const override;
  Result<std::unique_ptr<FolderLock>> lock(const std::string& path) override {
    return lock_folder(path);
  }

  std::chrono::nanoseconds now() override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
  std::int64_t wall_us() override {
    auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }
  std::uint64_t random() override { return randomness_.draw(); }

  void write_durably(File& file, ByteView bytes, std::uint64_t at, Done done) override;
  void offload(Work work, Done done) override {
    offload_thread_.submit(std::move(work), std::move(done));
  }
  void offload_background(Work work, Done done) override {
    background_thread_.submit(std::move(work), std::move(done));
  }
  void pause(std::chrono::nanoseconds length) override { std::this_thread::sleep_for(length); }
  std::size_t poll() override {
    if (completions_.watched()) completions_.drain();
    return run_finished();
  }
  std::size_t wait(std::chrono::nanoseconds longest) override {
    completions_.drain();
    if (std::size_t count = run_finished(); count > 0) return count;
    completions_.block(longest);
    completions_.drain();
    return run_finished();
  }
  void wake() override { completions_.wake(); }
  [[nodiscard]] int event_fd() const override { return completions_.watch(); }

  void report(Severity severity, std::string_view line) override { reporter_(severity, line); }

private:
  void open_ring();
  std::size_t run_finished() {
    if (ring_) ring_->reap();
    return completions_.run();
  }

  bool direct_;
  FlushEngine flush_;
  FlushPace pace_;
  Reporter reporter_;
  Notice no_direct_{reporter_};
  Randomness randomness_;
  mutable Completions completions_;
  std::unique_ptr<UringFlusher> ring_;
  HelperThread offload_thread_;
  HelperThread background_thread_;
  HelperThread flush_thread_;
};

void PosixEnv::open_ring() {
  Result<std::unique_ptr<UringFlusher>> ring = UringFlusher::make(completions_);
  if (ring) {
    ring_ = std::move(*ring);
    return;
  }
  flush_ = FlushEngine::kThread;
  report(Severity::kWarn,
         fmt::format("io_uring_unavailable fallback=thread reason=\"{}\"", ring.error().detail));
}

void PosixEnv::write_durably(File& file, ByteView bytes, std::uint64_t at, Done done) {
  auto& target = dynamic_cast<PosixFile&>(file);
  switch (flush_) {
    case FlushEngine::kInline:
      return completions_.push_from_core(std::move(done), target.write_and_sync(bytes, at));
    case FlushEngine::kUring:
      return ring_->write_durably(target, bytes, at, std::move(done));
    case FlushEngine::kAdaptive: {
      const auto began = now();
      if (!pace_.is_for_caller(bytes.size())) {
        if (FlushPace::is_small(bytes.size())) {
          done = [this, began, told = std::move(done)](Result<void> result) mutable {
            pace_.took_handed_over(now() - began);
            told(std::move(result));
          };
        }
        return ring_->write_durably(target, bytes, at, std::move(done));
      }
      completions_.push_from_core(std::move(done), target.write_and_sync(bytes, at));
      return pace_.took(now() - began);
    }
    case FlushEngine::kThread:
      return flush_thread_.submit([&target, bytes, at] { return target.write_and_sync(bytes, at); },
                                  std::move(done));
  }
}

Result<void> PosixEnv::make_folder(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    STELE_DO(make_one_folder(path.substr(0, slash)));
  }
  return make_one_folder(path);
}

Result<std::vector<FolderEntry>> PosixEnv::list(const std::string& path) const {
  std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) return posix_error(errno, "list", path);
  std::vector<FolderEntry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({name, is_folder(folder.get(), *entry)});
    errno = 0;
  }
  if (errno != 0) return posix_error(errno, "list", path);
  std::ranges::sort(entries);
  return entries;
}

Result<void> PosixEnv::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return posix_error(errno, "rename", fmt::format("{} to {}", from, to));
  }
  return {};
}

Result<void> PosixEnv::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && (::rmdir(path.c_str()) == 0 || errno == ENOENT)) return {};
  return posix_error(errno, "remove", path);
}

Result<void> PosixEnv::sync_folder(const std::string& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.raw() < 0) return posix_error(errno, "open", path);
  if (::fsync(folder.raw()) != 0) return posix_error(errno, "sync folder", path);
  return {};
}

Result<std::uint64_t> PosixEnv::free_bytes(const std::string& path) const {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return posix_error(errno, "free space", path);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace

Result<std::unique_ptr<Env>> make_posix_env(PosixEnvOptions options) {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (event.raw() < 0) return posix_error(errno, "make", "an eventfd");
  return std::make_unique<PosixEnv>(std::move(options), std::move(event));
}

}  // namespace stele
