#include "tests/support/sim_env.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "tests/support/sim_file.h"

namespace stele {
namespace {

constexpr std::chrono::microseconds kTick{1};
constexpr std::chrono::microseconds kPollTime{50};
constexpr std::chrono::microseconds kWallStart{1'700'000'000'000'000};

bool changes_disk(SimOp op) {
  switch (op) {
    case SimOp::kAny:
    case SimOp::kOpen:
    case SimOp::kRead:
    case SimOp::kList:
    case SimOp::kLock:
      return false;
    default:
      return true;
  }
}

Error error_of(SimEffect effect, std::string_view path) {
  switch (effect) {
    case SimEffect::kNoSpace:
      return fail(Code::kNoSpace, "{}: no space left on device (injected)", path).error();
    case SimEffect::kOverloaded:
      return fail(Code::kOverloaded, "{}: no file descriptors left (injected)", path).error();
    default:
      return fail(Code::kIo, "{}: input/output error (injected)", path).error();
  }
}

bool is_error(SimEffect effect) {
  return effect == SimEffect::kIo || effect == SimEffect::kNoSpace ||
         effect == SimEffect::kOverloaded;
}

Bytes joined(std::span<const ByteView> pieces) {
  Bytes all;
  for (ByteView piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

}  // namespace

class SimFolderLock final : public FolderLock {
public:
  SimFolderLock(SimEnv& env, InodeId folder) : env_(env), folder_(folder) {
    env_.locked_.insert(folder_);
  }
  ~SimFolderLock() override { env_.locked_.erase(folder_); }

private:
  SimEnv& env_;
  InodeId folder_;
};

SimEnv::SimEnv(SimDisk disk, SimOptions options)
    : disk_(std::move(disk)),
      options_(std::move(options)),
      random_(options_.seed),
      first_op_(disk_.newest_op()),
      wall_offset_(kWallStart) {}

SimEnv::Admission SimEnv::enter(SimOp op, std::string_view path, std::uint64_t at,
                                std::uint64_t size) const {
  now_ += kTick;
  if (changes_disk(op) && change_count_ >= crash_change_) crashed_ = true;
  if (crashed_) {
    return {
        .op = change_count_, .effect = {}, .error = fail(Code::kIo, "{}: crashed", path).error()};
  }
  ++call_count_;
  // Grows from call to call, and past what an earlier env on this disk has used.
  Admission admission{.op = first_op_ + call_count_, .effect = faults_.on(op, path), .error = {}};
  if (changes_disk(op)) ++change_count_;
  if (admission.effect && is_error(*admission.effect)) {
    admission.error = error_of(*admission.effect, path);
  }
  for (std::uint64_t part : {static_cast<std::uint64_t>(op), checksum(as_bytes(path), 0), at, size,
                             static_cast<std::uint64_t>(admission.effect.has_value())}) {
    trace_ = mix_seed(trace_, part);
  }
  return admission;
}

Result<std::unique_ptr<File>> SimEnv::open(const std::string& path, OpenMode mode, bool direct) {
  Result<InodeId> found = disk_.find(path);
  bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateFresh;
  if (found && mode == OpenMode::kCreateFresh) {
    return fail(Code::kAlreadyExists, "open {}: file exists", path);
  }
  Admission admission = enter(!found && creates ? SimOp::kCreate : SimOp::kOpen, path);
  if (admission.error) return std::unexpected(*admission.error);
  if (!found && creates) found = disk_.create(path, false, admission.op);
  if (!found) return std::unexpected(found.error());
  if (disk_.inode(*found).folder) return fail(Code::kIo, "open {}: is a folder", path);
  if (direct && !options_.direct) report(Severity::kInfo, "direct_io_unavailable path=" + path);
  return std::make_unique<SimFile>(*this, *found, path, mode != OpenMode::kRead,
                                   direct && options_.direct);
}

Result<void> SimEnv::make_folder(const std::string& path) {
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end < path.size() && path[end] != '/') continue;
    std::string part = path.substr(0, end);
    Result<InodeId> found = disk_.find(part);
    if (found && disk_.inode(*found).folder) continue;
    if (found) return fail(Code::kIo, "make folder {}: a file has this name", part);
    Admission admission = enter(SimOp::kMakeFolder, part);
    if (admission.error) return std::unexpected(*admission.error);
    STELE_TRY([[maybe_unused]] InodeId made, disk_.create(part, true, admission.op));
  }
  return {};
}

Result<std::vector<FolderEntry>> SimEnv::list(const std::string& path) const {
  Admission admission = enter(SimOp::kList, path);
  if (admission.error) return std::unexpected(*admission.error);
  return disk_.list(path);
}

Result<void> SimEnv::rename(const std::string& from, const std::string& to) {
  Admission admission = enter(SimOp::kRename, from + " to " + to);
  if (admission.error) return std::unexpected(*admission.error);
  return disk_.rename(from, to, admission.op);
}

Result<void> SimEnv::remove(const std::string& path) {
  if (!crashed_ && !disk_.exists(path)) return {};
  Admission admission = enter(SimOp::kRemove, path);
  if (admission.error) return std::unexpected(*admission.error);
  return disk_.remove(path, admission.op);
}

Result<void> SimEnv::sync_folder(const std::string& path) {
  Admission admission = enter(SimOp::kSyncFolder, path);
  if (admission.error) return std::unexpected(*admission.error);
  return disk_.sync_folder(path);
}

std::uint64_t SimEnv::free_pages() const {
  if (!capacity_bytes_) return ~std::uint64_t{0};
  std::uint64_t all = *capacity_bytes_ / kPageBytes;
  std::uint64_t used = disk_.used_pages();
  return all > used ? all - used : 0;
}

Result<std::uint64_t> SimEnv::free_bytes(const std::string& path) const {
  if (crashed_) return fail(Code::kIo, "free space {}: crashed", path);
  STELE_TRY([[maybe_unused]] InodeId found, disk_.find(path));
  return capacity_bytes_ ? free_pages() * kPageBytes : free_bytes_;
}

Result<std::unique_ptr<FolderLock>> SimEnv::lock(const std::string& path) {
  Admission admission = enter(SimOp::kLock, path);
  if (admission.error) return std::unexpected(*admission.error);
  STELE_TRY(InodeId folder, disk_.find(path));
  if (locked_.contains(folder)) {
    return fail(Code::kAlreadyExists, "folder {} is in use by {}, pid 1 on host sim", path,
                options_.program);
  }
  // Durable at once, so that it does not make crash states that differ in nothing else.
  disk_.set_bytes(path + "/LOCK", as_bytes("pid=1 host=sim program=" + options_.program + "\n"));
  return std::make_unique<SimFolderLock>(*this, folder);
}

std::int64_t SimEnv::wall_us() {
  return (std::chrono::duration_cast<std::chrono::microseconds>(now_) + wall_offset_).count();
}

Result<void> SimEnv::apply_write(InodeId id, std::string_view path,
                                 std::span<const ByteView> pieces, std::uint64_t& place,
                                 Bytes& bytes, const Admission& admission) {
  if (admission.error && !admission.effect) return std::unexpected(*admission.error);
  SimInode& inode = disk_.inode(id);
  cold_.erase(id);
  bytes = joined(pieces);
  Result<void> result;
  if (admission.error) {
    // Nothing of it, all of it, or the sectors up to some place.
    std::uint64_t sectors = bytes.size() / kSectorBytes + 1;
    bytes.resize(std::min(bytes.size(), random_.below(sectors + 1) * kSectorBytes));
    result = std::unexpected(*admission.error);
  } else if (admission.effect == SimEffect::kLost) {
    bytes.clear();
  } else if (admission.effect == SimEffect::kMisdirected) {
    std::uint64_t page_count = std::max<std::uint64_t>(2, pages_for(inode.live().size));
    std::uint64_t page = (place / kPageBytes + 1 + random_.below(page_count - 1)) % page_count;
    place = page * kPageBytes + place % kPageBytes;
  }
  std::uint64_t fits =
      capacity_bytes_ ? inode.fitting(place, bytes.size(), free_pages()) : bytes.size();
  if (fits < bytes.size()) {
    bytes.resize(fits);
    result = fail(Code::kNoSpace, "write {}: no space left on device", path);
  }
  inode.write(bytes, place, admission.op);
  return result;
}

void SimEnv::write_durably(File& file, ByteView bytes, std::uint64_t at, Done done) {
  auto& target = dynamic_cast<SimFile&>(file);
  Task task;
  task.inode = target.id();
  task.path = target.path();
  task.done = std::move(done);
  task.result = target.check_write(std::span(&bytes, 1), at);
  if (task.result) {
    Admission admission = enter(SimOp::kWriteDurably, task.path, at, bytes.size());
    task.op = admission.op;
    task.at = at;
    task.result =
        apply_write(task.inode, task.path, std::span(&bytes, 1), task.at, task.bytes, admission);
  }
  add_task(std::move(task));
}

void SimEnv::offload(Work work, Done done) {
  Task task;
  task.work = std::move(work);
  task.done = std::move(done);
  add_task(std::move(task));
}

void SimEnv::add_task(Task task) {
  task.polls_left = static_cast<unsigned>(random_.below(options_.late_polls_max + 1));
  tasks_.push_back(std::move(task));
}

std::set<std::uint64_t> SimEnv::in_flight(InodeId id) const {
  std::set<std::uint64_t> ops;
  for (const Task& task : tasks_) {
    if (!task.work && task.inode == id) ops.insert(task.op);
  }
  return ops;
}

std::size_t SimEnv::poll() {
  std::vector<Task> due;
  std::vector<Task> waiting;
  for (Task& task : tasks_) {
    bool is_due = task.polls_left == 0;
    if (!is_due) --task.polls_left;
    (is_due ? due : waiting).push_back(std::move(task));
  }
  tasks_ = std::move(waiting);
  for (std::size_t left = due.size(); left > 1; --left) {
    std::swap(due[left - 1], due[random_.below(left)]);
  }
  for (Task& task : due) finish(std::move(task));
  return due.size();
}

void SimEnv::finish(Task task) {
  if (task.work) {
    task.done(crashed_ ? fail(Code::kIo, "crashed") : task.work());
    return;
  }
  if (!task.result) {
    if (task.op != 0) disk_.inode(task.inode).fail_durable(task.op);
    task.done(std::move(task.result));
    return;
  }
  Admission admission = enter(SimOp::kComplete, task.path, task.at, task.bytes.size());
  if (admission.error) {
    task.done(std::unexpected(*admission.error));
    return;
  }
  disk_.inode(task.inode).complete_durable(task.op, task.bytes, task.at);
  task.done({});
}

std::size_t SimEnv::wait(std::chrono::nanoseconds longest) {
  std::size_t count = poll();
  while (count == 0 && !tasks_.empty() && !woken_) {
    now_ += kPollTime;
    count = poll();
  }
  if (count == 0 && !woken_) now_ += longest;
  woken_ = false;
  return count;
}

void SimEnv::report(Severity severity, std::string_view line) {
  reports_.push_back({severity, std::string(line)});
}

}  // namespace stele
