#include "tests/projections/state/faulty_vfs.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace stele::projections {
namespace {

FaultyVfs* g_vfs = nullptr;  // SQLite's functions get no other way to it

struct OpenFile {
  sqlite3_file base;
  const char* path;
  sqlite3_file* real;
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<OpenFile*>(file)->real;
}
const char* path_of(sqlite3_file* file) {
  return reinterpret_cast<OpenFile*>(file)->path;
}

int close_file(sqlite3_file* file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}
int read_file(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), to, bytes, at);
}
int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  if (!g_vfs->admit()) return SQLITE_IOERR_WRITE;
  return real_of(file)->pMethods->xWrite(real_of(file), from, bytes, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 bytes) {
  if (!g_vfs->admit()) return SQLITE_IOERR_TRUNCATE;
  return real_of(file)->pMethods->xTruncate(real_of(file), bytes);
}
int sync_file(sqlite3_file* file, int) {
  if (!g_vfs->admit()) return SQLITE_IOERR_FSYNC;
  g_vfs->synced(path_of(file));
  return SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* bytes) {
  return real_of(file)->pMethods->xFileSize(real_of(file), bytes);
}
int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_lock(sqlite3_file* file, int* held) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}
int control_file(sqlite3_file* file, int what, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}
int sector_size(sqlite3_file* file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}
int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int map_shared(sqlite3_file* file, int page, int bytes, int extend, void volatile** at) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, bytes, extend, at);
}
int lock_shared(sqlite3_file* file, int at, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), at, count, flags);
}
void barrier_shared(sqlite3_file* file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

constexpr sqlite3_io_methods kMethods{.iVersion = 2,
                                      .xClose = close_file,
                                      .xRead = read_file,
                                      .xWrite = write_file,
                                      .xTruncate = truncate_file,
                                      .xSync = sync_file,
                                      .xFileSize = file_size,
                                      .xLock = lock_file,
                                      .xUnlock = unlock_file,
                                      .xCheckReservedLock = check_lock,
                                      .xFileControl = control_file,
                                      .xSectorSize = sector_size,
                                      .xDeviceCharacteristics = characteristics,
                                      .xShmMap = map_shared,
                                      .xShmLock = lock_shared,
                                      .xShmBarrier = barrier_shared,
                                      .xShmUnmap = unmap_shared,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

int open_file(sqlite3_vfs*, sqlite3_filename path, sqlite3_file* file, int flags, int* given) {
  auto* const opened = reinterpret_cast<OpenFile*>(file);
  *opened = {.base = {.pMethods = nullptr},
             .path = path,
             .real = reinterpret_cast<sqlite3_file*>(opened + 1)};
  sqlite3_vfs& real = g_vfs->real();
  const int result = real.xOpen(&real, path, opened->real, flags, given);
  if (result == SQLITE_OK) opened->base.pMethods = &kMethods;
  return result;
}

int remove_file(sqlite3_vfs*, const char* path, int sync) {
  if (!g_vfs->admit()) return SQLITE_IOERR_DELETE;
  sqlite3_vfs& real = g_vfs->real();
  g_vfs->removed(path);
  return real.xDelete(&real, path, sync);
}

}  // namespace

FaultyVfs::FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  vfs_.szOsFile = static_cast<int>(sizeof(OpenFile)) + real_->szOsFile;
  vfs_.zName = "faulty";
  vfs_.xOpen = open_file;
  vfs_.xDelete = remove_file;
  g_vfs = this;
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
  g_vfs = nullptr;
}

bool FaultyVfs::admit() {
  const std::uint64_t change = change_count_++;
  return change < fail_at_ || (change > fail_at_ && !for_ever_);
}

void FaultyVfs::synced(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  synced_[path] = std::move(bytes).str();
}

void FaultyVfs::write_synced(const std::string& folder) const {
  std::filesystem::create_directories(folder);
  for (const auto& [path, bytes] : synced_) {
    const auto name = std::filesystem::path(path).filename();
    std::ofstream(std::filesystem::path(folder) / name, std::ios::binary) << bytes;
  }
}

}  // namespace stele::projections
