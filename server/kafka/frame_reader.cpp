#include "server/kafka/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::kafka {

namespace {
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kFrameBytesMin = 8;  // key, version, correlation id
constexpr std::size_t kBufferBytes = 64 << 10;
constexpr std::size_t kProvenBytesMax = 4 << 20;
constexpr std::size_t kSmallFrameBytes = 16 << 10;
}  // namespace

/// Length and frame together, once the length is there.
std::optional<std::size_t> FrameReader::expected_bytes() const {
  if (pending_bytes() < kLengthBytes) return std::nullopt;
  return kLengthBytes + load_be<std::uint32_t>(buffer_->data() + begin_);
}

/// Bytes that the buffer should offer from begin_ on.
std::size_t FrameReader::room_wanted() const {
  const std::size_t have = pending_bytes();
  if (const auto expected = expected_bytes()) {
    return std::min(*expected, std::max({kBufferBytes, 2 * have, proven_bytes_}));
  }
  return proven_bytes_ > kSmallFrameBytes ? proven_bytes_ : kSmallFrameBytes;
}

void FrameReader::move_to_larger(std::size_t bytes) {
  server::BufferPtr larger = pool_.take(bytes);
  const std::size_t have = pending_bytes();
  if (have > 0) std::memcpy(larger->data(), buffer_->data() + begin_, have);
  buffer_ = std::move(larger);
  begin_ = 0;
  end_ = have;
}

ByteSpan FrameReader::space() {
  if (buffer_ && begin_ == end_ && buffer_.use_count() == 1) begin_ = end_ = 0;
  const std::size_t wanted = room_wanted();
  if (!buffer_ || buffer_->size() - begin_ < wanted) {
    const std::size_t bytes = std::max(wanted, kBufferBytes);
    if (!pool_.has_room(bytes)) return {};
    move_to_larger(bytes);
  }
  std::size_t limit = buffer_->size();
  // A large frame is received up to its end only, so that the next one starts in a buffer of its
  // own instead of being moved there.
  if (const auto expected = expected_bytes(); expected && *expected > kSmallFrameBytes) {
    limit = std::min(limit, begin_ + *expected);
  }
  STELE_CHECK(limit > end_);
  return {buffer_->data() + end_, limit - end_};
}

Result<std::optional<RequestFrame>> FrameReader::next() {
  const auto expected = expected_bytes();
  if (!expected) return std::nullopt;
  const std::size_t frame_bytes = *expected - kLengthBytes;
  if (frame_bytes > frame_bytes_max_) {
    const auto declared = load_be<std::int32_t>(buffer_->data() + begin_);
    return fail(declared < 0 ? Code::kInvalid : Code::kTooLarge, "frame length {}, limit {}",
                declared, frame_bytes_max_);
  }
  if (frame_bytes < kFrameBytesMin) {
    return fail(Code::kInvalid, "frame length {}, at least {}", frame_bytes, kFrameBytesMin);
  }
  if (pending_bytes() < *expected) return std::nullopt;
  proven_bytes_ = std::clamp(*expected, proven_bytes_ - proven_bytes_ / 16, kProvenBytesMax);
  RequestFrame frame{{buffer_->data() + begin_ + kLengthBytes, frame_bytes}, buffer_};
  begin_ += *expected;
  return frame;
}

void FrameReader::release_if_empty() {
  if (begin_ != end_ || !buffer_ || buffer_.use_count() > 1) return;  // else: fill it up first
  buffer_.reset();
  begin_ = end_ = 0;
}

}  // namespace stele::kafka
