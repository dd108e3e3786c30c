// Where a bench keeps its files: a folder of its own under $STELE_BENCH_DIR (default: the working
// folder), removed at the end. What it measures is that folder's file system.
#pragma once

#include <filesystem>
#include <string>

#include "log/base/bytes.h"

namespace stele::bench {

/// Ends the program: a bench that met an error has no figure to give.
[[noreturn]] void give_up(const std::string& why);

/// The value of a Result, or the end of the program.
template <class R>
auto must(R&& result) {
  if (!result) give_up(result.error().text());
  if constexpr (!std::is_void_v<typename std::remove_cvref_t<R>::value_type>)
    return std::move(*std::forward<R>(result));
}

class BenchFolder {
public:
  BenchFolder();
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  ~BenchFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// The floor: a growing file, each append one write() and one fdatasync().
class RawFile {
public:
  explicit RawFile(const std::string& path);
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile();

  void append(ByteView bytes);

private:
  int descriptor_;
};

/// Writes back and drops the page cache of every file under `folder`. Returns their bytes.
std::uint64_t drop_page_cache(const std::string& folder);
/// Reads every file under `folder` with 1 MiB preads. Returns the bytes.
std::uint64_t read_every_file(const std::string& folder);

}  // namespace stele::bench
