#include "tests/support/sim_file.h"

#include "log/base/fail.h"

namespace stele {
namespace {

bool is_aligned(ByteView bytes, std::uint64_t at) {
  return (reinterpret_cast<std::uintptr_t>(bytes.data()) | bytes.size() | at) % kPageBytes == 0;
}

}  // namespace

SimFile::SimFile(SimEnv& env, InodeId id, std::string path, bool writable, bool direct)
    : env_(env), id_(id), path_(std::move(path)), writable_(writable), direct_(direct) {
  ++env_.disk_.inode(id_).open_count;
}

SimFile::~SimFile() {
  --env_.disk_.inode(id_).open_count;
}

Result<std::size_t> SimFile::read(ByteSpan into, std::uint64_t at) const {
  if (direct_ && !is_aligned(into, at)) {
    return fail(Code::kInvalid, "read {}: a direct access is not aligned", path_);
  }
  SimEnv::Admission admission = env_.enter(SimOp::kRead, path_, at, into.size());
  if (admission.error) return std::unexpected(*admission.error);
  std::size_t got = env_.disk_.inode(id_).live().read(into, at);
  env_.cold_.erase(id_);
  if (admission.effect == SimEffect::kShortRead && got > 0) return env_.random_.below(got);
  return got;
}

Result<std::size_t> SimFile::read_cached(ByteSpan into, std::uint64_t at) const {
  if (direct_ || env_.cold_.contains(id_)) return 0;
  return read(into, at);
}

Result<void> SimFile::check_write(std::span<const ByteView> pieces, std::uint64_t at) const {
  if (!writable_) return fail(Code::kIo, "write {}: opened for reading", path_);
  for (ByteView piece : pieces) {
    if (direct_ && !is_aligned(piece, at)) {
      return fail(Code::kInvalid, "write {}: a direct access is not aligned", path_);
    }
    at += piece.size();
  }
  return {};
}

Result<void> SimFile::write(std::span<const ByteView> pieces, std::uint64_t at) {
  STELE_DO(check_write(pieces, at));
  std::uint64_t size = 0;
  for (ByteView piece : pieces) size += piece.size();
  SimEnv::Admission admission = env_.enter(SimOp::kWrite, path_, at, size);
  Bytes bytes;
  return env_.apply_write(id_, path_, pieces, at, bytes, admission);
}

Result<void> SimFile::sync() {
  SimEnv::Admission admission = env_.enter(SimOp::kSync, path_);
  SimInode& inode = env_.disk_.inode(id_);
  if (admission.effect) inode.fail_sync();
  if (admission.error) return std::unexpected(*admission.error);
  inode.sync(env_.in_flight(id_));
  return {};
}

Result<void> SimFile::reserve(std::uint64_t at, std::uint64_t bytes) {
  SimEnv::Admission admission = env_.enter(SimOp::kReserve, path_, at, bytes);
  if (admission.error) return std::unexpected(*admission.error);
  SimInode& inode = env_.disk_.inode(id_);
  if (inode.fitting(at, bytes, env_.free_pages()) < bytes) {
    return fail(Code::kNoSpace, "reserve {}: no space left on device", path_);
  }
  inode.reserve(at, bytes);
  return {};
}

Result<void> SimFile::truncate(std::uint64_t bytes) {
  if (!writable_) return fail(Code::kInvalid, "truncate {}: opened for reading", path_);
  SimEnv::Admission admission = env_.enter(SimOp::kTruncate, path_, bytes);
  if (admission.error) return std::unexpected(*admission.error);
  env_.disk_.inode(id_).truncate(bytes, admission.op);
  return {};
}

Result<std::uint64_t> SimFile::size() const {
  if (env_.crashed_) return fail(Code::kIo, "stat {}: crashed", path_);
  return env_.disk_.inode(id_).live().size;
}

}  // namespace stele
