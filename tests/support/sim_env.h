// SimEnv: an Env in one thread over a SimDisk, the same for the same seed: time moves only when
// told (and 1 µs per call), durable writes and offloaded work finish at a later poll() in a seeded
// order, and any call can be made to fail.
//
// Numbers. Every call that may change the disk has a number, from 0: change_count() is the next.
// A durable write has two, at submission and at completion; in between it is under way, and a crash
// may tear it. call_count() counts all calls (reads, opens and lists too), for "the n-th call
// fails".
//
// Crash tests: run once to learn change_count(); then for each n a new SimEnv with crash_after(n)
// (change n and all later calls answer kIo "crashed" and change nothing), then CrashStates of its
// disk() for power loss or disk().killed() for kill -9, and a new SimEnv on each.
//
// Thread: one. Files and locks are closed before the env is destroyed.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_faults.h"
#include "tests/support/sim_random.h"

namespace stele {

struct SimOptions {
  std::uint64_t seed = 1;
  bool direct = true;           ///< whether the file system has O_DIRECT
  unsigned late_polls_max = 3;  ///< durable writes and offloaded work take 0 … this many polls more
  std::string program = "sim";  ///< how lock() names this process
};

struct SimReport {
  Severity severity;
  std::string line;
};

class SimEnv final : public Env {
public:
  explicit SimEnv(SimDisk disk = {}, SimOptions options = {});

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     bool direct = false) override;
  Result<void> make_folder(const std::string& path) override;
  Result<std::vector<FolderEntry>> list(const std::string& path) const override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) const override;
  Result<std::unique_ptr<FolderLock>> lock(const std::string& path) override;
  std::chrono::nanoseconds now() override { return now_; }
  std::int64_t wall_us() override;
  std::uint64_t random() override { return random_.draw(); }
  void write_durably(File& file, ByteView bytes, std::uint64_t at, Done done) override;
  void offload(Work work, Done done) override;
  void offload_background(Work work, Done done) override {
    offload(std::move(work), std::move(done));
  }
  void pause(std::chrono::nanoseconds length) override { now_ += length; }
  std::size_t poll() override;
  /// Time passes as if it slept: 50 µs per poll that something took, else all of `longest`.
  std::size_t wait(std::chrono::nanoseconds longest) override;
  void wake() override { woken_ = true; }
  void report(Severity severity, std::string_view line) override;

  // --- the disk ---

  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] const SimDisk& disk() const { return disk_; }
  /// Past `bytes` taken, writes and reserves answer kNoSpace until something is freed.
  void set_capacity(std::optional<std::uint64_t> bytes) { capacity_bytes_ = bytes; }
  /// What free_bytes() answers while there is no capacity.
  void set_free_bytes(std::uint64_t bytes) { free_bytes_ = bytes; }

  // --- faults ---

  void inject(SimFault fault) { faults_.inject(std::move(fault)); }
  void clear_faults() { faults_.clear(); }
  [[nodiscard]] std::size_t fired_count() const { return faults_.fired_count(); }
  void crash_after(std::uint64_t change) { crash_change_ = change; }
  /// Now: every later call answers kIo.
  void crash() { crashed_ = true; }
  [[nodiscard]] bool crashed() const { return crashed_; }
  [[nodiscard]] std::uint64_t change_count() const { return change_count_; }
  [[nodiscard]] std::uint64_t call_count() const { return call_count_; }

  // --- time and traces ---

  void advance(std::chrono::nanoseconds by) { now_ += by; }
  /// Moves the wall clock alone; backwards too.
  void jump_wall(std::chrono::microseconds by) { wall_offset_ += by; }
  [[nodiscard]] const std::vector<SimReport>& reports() const { return reports_; }
  /// Of every call so far with its arguments and effect: equal runs have equal ones.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_; }
  /// Durable writes and offloaded work under way.
  [[nodiscard]] std::size_t pending_count() const { return tasks_.size(); }

private:
  friend class SimFile;
  friend class SimFolderLock;

  /// What a call is allowed to do: its number, and what goes wrong with it.
  struct Admission {
    std::uint64_t op = 0;
    std::optional<SimEffect> effect;
    std::optional<Error> error;
  };
  struct Task {
    unsigned polls_left = 0;
    Work work;          // of offload()
    InodeId inode = 0;  // of write_durably(), with what follows
    std::string path;
    std::uint64_t op = 0;
    std::uint64_t at = 0;
    Bytes bytes;
    Result<void> result;
    Done done;
  };

  Admission enter(SimOp op, std::string_view path, std::uint64_t at = 0,
                  std::uint64_t size = 0) const;
  /// Applies a write as `admission` says; what the caller is told. `place` is where it went.
  Result<void> apply_write(InodeId id, std::string_view path, std::span<const ByteView> pieces,
                           std::uint64_t& place, Bytes& bytes, const Admission& admission);
  void add_task(Task task);
  void finish(Task task);
  [[nodiscard]] std::set<std::uint64_t> in_flight(InodeId id) const;
  [[nodiscard]] std::uint64_t free_pages() const;

  SimDisk disk_;
  SimOptions options_;
  // list() is const and is a call all the same: what enter() counts changes under it.
  mutable SimRandom random_;
  mutable SimFaults faults_;
  mutable std::uint64_t call_count_ = 0;
  mutable std::uint64_t change_count_ = 0;
  mutable std::uint64_t trace_ = 0;
  mutable bool crashed_ = false;
  mutable std::chrono::nanoseconds now_{std::chrono::seconds(1)};
  std::uint64_t first_op_;
  std::uint64_t crash_change_ = ~std::uint64_t{0};
  std::chrono::microseconds wall_offset_;
  std::optional<std::uint64_t> capacity_bytes_;
  std::uint64_t free_bytes_ = std::uint64_t{1} << 40;
  std::vector<Task> tasks_;
  std::set<InodeId> locked_;
  std::set<InodeId> cold_;
  std::vector<SimReport> reports_;
  bool woken_ = false;
};

}  // namespace stele
