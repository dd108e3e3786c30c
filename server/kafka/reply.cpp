#include "server/kafka/reply.h"

#include <sys/uio.h>

#include <algorithm>

#include "log/base/check.h"

namespace stele::kafka {

namespace {
constexpr std::size_t kPiecesMax = 64;            // of one gathering write
constexpr std::size_t kGatherBytesMax = 4 << 20;  // enough for one write
}  // namespace

void Reply::send(Answer answer) {
  answer_ = std::move(answer);
  finish();
}

void Reply::skip() {
  finish();
}

void Reply::abort() {
  if (auto listener = listener_.lock()) listener->on_abort();
}

void Reply::pause(std::chrono::nanoseconds time) {
  if (auto listener = listener_.lock()) listener->on_pause(time);
}

void Reply::finish() {
  STELE_CHECK(state_ == State::kWaiting);
  state_ = State::kReady;
  if (auto listener = listener_.lock()) listener->on_reply(answer_.frame.size());
}

void ReplyQueue::gather(std::vector<iovec>& into) {
  into.clear();
  while (has_ready() && replies_.front()->answer().frame.size() == 0) replies_.pop_front();
  std::size_t skip = head_sent_;
  std::size_t total = 0;
  for (const ReplyPtr& reply : replies_) {
    if (!reply->ready()) return;
    for (ByteView piece : reply->answer().frame.pieces()) {
      if (into.size() == kPiecesMax || total >= kGatherBytesMax) return;
      const std::size_t dropped = std::min(skip, piece.size());
      skip -= dropped;
      piece = piece.subspan(dropped);
      if (piece.empty()) continue;
      into.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
      total += piece.size();
    }
  }
}

void ReplyQueue::sent(std::size_t bytes) {
  head_sent_ += bytes;
  while (has_ready() && head_sent_ >= replies_.front()->answer().frame.size()) {
    head_sent_ -= replies_.front()->answer().frame.size();
    replies_.pop_front();
  }
  STELE_CHECK(!replies_.empty() || head_sent_ == 0);
}

}  // namespace stele::kafka
