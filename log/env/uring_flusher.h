// Durable writes through io_uring: IORING_OP_WRITE with RWF_DSYNC, finished ones told by the
// eventfd of Completions.
//
//   write_durably ─► [backlog, when kDepth are in flight] ─► ring ─► kernel ─► reap ─► Completions
//
// Invariants: at most kDepth writes in flight; a short write is continued, never reported; the
// destructor waits for the kernel to let go of every buffer, without running any `done`.
// Thread: whoever runs the core.
#pragma once

#include <liburing.h>

#include <deque>
#include <memory>
#include <vector>

#include "log/env/completions.h"
#include "log/env/posix_file.h"

namespace stele {

class UringFlusher {
public:
  static constexpr unsigned kDepth = 32;
  static constexpr std::size_t kBacklogMax = 4096;  ///< past it: kOverloaded

  /// kUnsupported when the kernel refuses a ring (EPERM, ENOSYS, no memory to lock).
  [[nodiscard]] static Result<std::unique_ptr<UringFlusher>> make(Completions& completions);
  UringFlusher(const UringFlusher&) = delete;
  UringFlusher& operator=(const UringFlusher&) = delete;
  ~UringFlusher();

  void write_durably(PosixFile& file, ByteView bytes, std::uint64_t at, Done done);
  /// Moves what the kernel has finished to Completions and starts what was waiting. Never blocks.
  void reap();

private:
  struct Flush {
    PosixFile* file;
    ByteView left;
    std::uint64_t at;
    Done done;
    bool direct = false;  // when it was given to the kernel
  };

  explicit UringFlusher(Completions& completions) : completions_(completions) {}
  void start(std::unique_ptr<Flush> flush);
  void enqueue(Flush* flush);
  void submit();
  void finish(Flush* flush, int outcome);
  void complete(Flush* flush, Result<void> result);

  Completions& completions_;
  io_uring ring_{};
  bool ring_open_ = false;
  std::vector<std::unique_ptr<Flush>> in_flight_;
  std::deque<std::unique_ptr<Flush>> backlog_;
};

}  // namespace stele
