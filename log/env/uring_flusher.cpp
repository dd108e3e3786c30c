#include "log/env/uring_flusher.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/env/posix_error.h"

namespace stele {
namespace {

constexpr std::size_t kBytesPerWriteMax = std::size_t{1} << 30;  // the kernel cuts at 2 GiB

}  // namespace

Result<std::unique_ptr<UringFlusher>> UringFlusher::make(Completions& completions) {
  std::unique_ptr<UringFlusher> flusher(new UringFlusher(completions));
  int outcome = io_uring_queue_init(kDepth, &flusher->ring_, 0);
  if (outcome < 0) {
    return fail(Code::kUnsupported, "io_uring: {}", std::generic_category().message(-outcome));
  }
  flusher->ring_open_ = true;
  outcome = io_uring_register_eventfd(&flusher->ring_, completions.event_fd());
  if (outcome < 0) {
    return fail(Code::kUnsupported, "io_uring eventfd: {}",
                std::generic_category().message(-outcome));
  }
  return flusher;
}

UringFlusher::~UringFlusher() {
  if (!ring_open_) return;
  for (std::size_t left = in_flight_.size(); left > 0; --left) {
    submit();
    io_uring_cqe* finished = nullptr;
    int outcome = -EINTR;
    while (outcome == -EINTR) outcome = io_uring_wait_cqe(&ring_, &finished);
    if (outcome < 0) break;
    io_uring_cqe_seen(&ring_, finished);
  }
  io_uring_queue_exit(&ring_);
}

void UringFlusher::write_durably(PosixFile& file, ByteView bytes, std::uint64_t at, Done done) {
  if (backlog_.size() >= kBacklogMax) {
    completions_.push_from_core(std::move(done),
                                fail(Code::kOverloaded, "write {}: {} durable writes are waiting",
                                     file.path(), kBacklogMax));
    return;
  }
  auto flush = std::make_unique<Flush>(&file, bytes, at, std::move(done));
  if (in_flight_.size() < kDepth) {
    start(std::move(flush));
    submit();
  } else {
    backlog_.push_back(std::move(flush));
  }
}

void UringFlusher::start(std::unique_ptr<Flush> flush) {
  in_flight_.push_back(std::move(flush));
  enqueue(in_flight_.back().get());
}

void UringFlusher::enqueue(Flush* flush) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  STELE_CHECK(entry != nullptr);  // at most kDepth are in flight, one entry each
  flush->direct = flush->file->direct();
  std::size_t size = std::min(flush->left.size(), kBytesPerWriteMax);
  io_uring_prep_write(entry, flush->file->descriptor(), flush->left.data(),
                      static_cast<unsigned>(size), flush->at);
  entry->rw_flags = RWF_DSYNC;
  io_uring_sqe_set_data(entry, flush);
}

void UringFlusher::submit() {
  int outcome = -EINTR;
  while (outcome == -EINTR) outcome = io_uring_submit(&ring_);
  // Out of kernel memory for the moment: the entries stay in the ring, the next reap() tries again.
  STELE_CHECK(outcome >= 0 || outcome == -EAGAIN || outcome == -EBUSY);
}

void UringFlusher::reap() {
  io_uring_cqe* finished = nullptr;
  while (io_uring_peek_cqe(&ring_, &finished) == 0) {
    auto* flush = static_cast<Flush*>(io_uring_cqe_get_data(finished));
    int outcome = finished->res;
    io_uring_cqe_seen(&ring_, finished);
    finish(flush, outcome);
  }
  while (!backlog_.empty() && in_flight_.size() < kDepth) {
    start(std::move(backlog_.front()));
    backlog_.pop_front();
  }
  if (io_uring_sq_ready(&ring_) > 0) submit();
}

void UringFlusher::finish(Flush* flush, int outcome) {
  if (outcome > 0) {
    flush->left = flush->left.subspan(static_cast<std::size_t>(outcome));
    flush->at += static_cast<std::uint64_t>(outcome);
    if (flush->left.empty()) return complete(flush, {});
    return enqueue(flush);
  }
  if (outcome == -EINTR || outcome == -EAGAIN) return enqueue(flush);
  if (outcome == 0 && flush->left.empty()) return complete(flush, {});
  if (outcome == 0) {
    return complete(flush,
                    fail(Code::kIo, "write {}: the device took no bytes", flush->file->path()));
  }
  if (outcome == -EINVAL && flush->direct) {
    bool plain_now = !flush->file->direct() ||
                     flush->file->give_up_direct(flush->left.data(), flush->left.size(), flush->at);
    if (plain_now) return enqueue(flush);
  }
  complete(flush, posix_error(-outcome, "write", flush->file->path()));
}

void UringFlusher::complete(Flush* flush, Result<void> result) {
  completions_.push_from_core(std::move(flush->done), std::move(result));
  std::erase_if(in_flight_, [flush](const auto& one) { return one.get() == flush; });
}

}  // namespace stele
