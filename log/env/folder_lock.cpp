#include "log/env/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "log/base/fail.h"
#include "log/env/posix_error.h"
#include "log/env/posix_file.h"

namespace stele {
namespace {

class PosixFolderLock final : public FolderLock {
public:
  explicit PosixFolderLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

private:
  Descriptor descriptor_;
};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// The value of `key=` in "pid=1 host=y program=steled", or "unknown".
std::string_view value_of(std::string_view text, std::string_view key) {
  std::size_t from = text.find(key);
  if (from == std::string_view::npos) return "unknown";
  text.remove_prefix(from + key.size());
  return text.substr(0, text.find_first_of(" \n"));
}

std::unexpected<Error> held(const std::string& folder, int descriptor) {
  std::array<char, 512> room{};
  ssize_t size = ::pread(descriptor, room.data(), room.size(), 0);
  std::string_view text(room.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (text.empty()) {
    return fail(Code::kAlreadyExists, "folder {} is in use by another process", folder);
  }
  return fail(Code::kAlreadyExists, "folder {} is in use by {}, pid {} on host {}", folder,
              value_of(text, "program="), value_of(text, "pid="), value_of(text, "host="));
}

}  // namespace

Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) {
  std::string path = folder + "/LOCK";
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.raw() < 0) return posix_error(errno, "open", path);
  if (::flock(file.raw(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return held(folder, file.raw());
    return posix_error(errno, "lock", path);
  }
  std::string text = fmt::format("pid={} host={} program={}\n", ::getpid(), host_name(),
                                 program_invocation_short_name);
  // Where this fails (a full disk) the lock holds all the same; the next one just cannot name us.
  [[maybe_unused]] bool named =
      ::ftruncate(file.raw(), 0) == 0 && ::pwrite(file.raw(), text.data(), text.size(), 0) > 0;
  return std::make_unique<PosixFolderLock>(std::move(file));
}

}  // namespace stele
