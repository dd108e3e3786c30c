#include "bench/embedded/bench_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace stele::bench {
namespace {

int open_file(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) give_up(path + ": " + std::strerror(errno));
  return descriptor;
}

void for_each_file(const std::string& folder, const std::function<void(int, std::uint64_t)>& use) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const int descriptor = open_file(entry.path(), O_RDONLY);
    use(descriptor, entry.file_size());
    ::close(descriptor);
  }
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

BenchFolder::BenchFolder() {
  const char* parent = std::getenv("STELE_BENCH_DIR");
  std::string name = std::string(parent == nullptr ? "." : parent) + "/stele-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) give_up(name + ": " + std::strerror(errno));
  path_ = name;
}

BenchFolder::~BenchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

RawFile::RawFile(const std::string& path)
    : descriptor_(open_file(path, O_WRONLY | O_CREAT | O_APPEND)) {}

RawFile::~RawFile() {
  ::close(descriptor_);
}

void RawFile::append(ByteView bytes) {
  const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
  if (put != static_cast<ssize_t>(bytes.size()) || ::fdatasync(descriptor_) != 0)
    give_up(std::string("raw append: ") + std::strerror(errno));
}

std::uint64_t drop_page_cache(const std::string& folder) {
  std::uint64_t total = 0;
  for_each_file(folder, [&](int descriptor, std::uint64_t bytes) {
    if (::fdatasync(descriptor) != 0) give_up(std::string("sync: ") + std::strerror(errno));
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    total += bytes;
  });
  return total;
}

std::uint64_t read_every_file(const std::string& folder) {
  std::vector<char> buffer(1 << 20);
  std::uint64_t total = 0;
  for_each_file(folder, [&](int descriptor, std::uint64_t) {
    for (ssize_t got = 1; got > 0; total += static_cast<std::uint64_t>(got)) {
      got = ::read(descriptor, buffer.data(), buffer.size());
      if (got < 0) give_up(std::string("read: ") + std::strerror(errno));
    }
  });
  return total;
}

}  // namespace stele::bench
