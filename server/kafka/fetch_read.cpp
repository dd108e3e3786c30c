#include "server/kafka/fetch_read.h"

#include <algorithm>

#include "server/kafka/handlers.h"

namespace stele::kafka {

namespace {

constexpr std::size_t kFirstBufferBytes = 64 << 10;  // most fetches of a caught-up client fit
constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kWindowBytesMin = 4096;

}  // namespace

void FetchRead::fail(FetchTarget& target, ErrorCode error) {
  target.error = error;
  failed_ = true;
}

std::size_t FetchRead::room(const FetchTarget& target) const {
  const std::size_t of_target = target.bytes_max - std::min(target.bytes, target.bytes_max);
  const std::size_t of_all = options_.bytes_max - std::min(bytes_, options_.bytes_max);
  return std::min(of_target, of_all);
}

/// Learns the ends of the target; false if it cannot be read.
bool FetchRead::check(FetchTarget& target) {
  const auto ends = store_.ends(target.id);
  if (!ends) {
    const bool is_gone = options_.by_ids && !store_.find_topic(target.id.topic);
    fail(target,
         is_gone ? ErrorCode::kUnknownTopicId : error_code(ends.error().code, AnswerTo::kFetch));
    return false;
  }
  target.ends = *ends;
  if (const ErrorCode error = check_leader_epoch(ends->epoch, target.expected_epoch);
      error != ErrorCode::kNone) {
    fail(target, error);
    return false;
  }
  if (target.bytes > 0) return true;
  if (target.next < ends->log_start || target.next > ends->end) {
    fail(target, ErrorCode::kOffsetOutOfRange);
    return false;
  }
  return true;
}

void FetchRead::read(std::size_t index) {
  FetchTarget& target = targets_[index];
  starved_ = false;
  if (target.error != ErrorCode::kNone || !check(target)) return;
  while (target.next < target.ends.end && read_some(target)) {
  }
}

/// Room for batches behind what the current buffer holds, or in a new one. Empty: the pool is full.
ByteSpan FetchRead::window(std::size_t room, std::size_t at_least) {
  if (!buffer_ || buffer_->size() - used_ < at_least) {
    if (pool_.full()) return {};
    const std::size_t usual = buffer_ ? std::min(kBufferBytes, room) : kFirstBufferBytes;
    buffer_ = pool_.take(std::max(usual, at_least));
    buffers_.push_back(buffer_);
    used_ = 0;
  }
  const std::size_t bytes = std::min(buffer_->size() - used_, std::max(room, at_least));
  return {buffer_->data() + used_, bytes};
}

/// One read of the store. False when the target has given what it can for now.
bool FetchRead::read_some(FetchTarget& target) {
  const std::size_t free = room(target);
  if (free == 0 && bytes_ > 0) {
    full_ = true;
    return false;
  }
  std::size_t at_least = std::min(kWindowBytesMin, std::max<std::size_t>(free, 1));
  while (true) {
    const ByteSpan into = window(free, at_least);
    if (into.empty()) {
      starved_ = true;
      return false;
    }
    const auto got = store_.read(target.id, target.next, into);
    if (!got) {
      if (target.bytes == 0) fail(target, error_code(got.error().code, AnswerTo::kFetch));
      full_ = true;
      return false;
    }
    if (got->bytes > 0) {
      keep(target, into.first(got->bytes), got->next);
      return true;
    }
    if (got->needed <= into.size()) return false;
    if (got->needed > free && bytes_ > 0) {
      full_ = true;
      return false;
    }
    at_least = got->needed;
  }
}

void FetchRead::keep(FetchTarget& target, ByteView piece, Offset next) {
  used_ += piece.size();
  bytes_ += piece.size();
  target.bytes += piece.size();
  target.next = next;
  if (!target.pieces.empty() &&
      target.pieces.back().data() + target.pieces.back().size() == piece.data()) {
    target.pieces.back() = {target.pieces.back().data(),
                            target.pieces.back().size() + piece.size()};
  } else {
    target.pieces.push_back(piece);
  }
  if (room(target) == 0) full_ = true;
}

}  // namespace stele::kafka
