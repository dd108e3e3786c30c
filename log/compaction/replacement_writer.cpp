#include "log/compaction/replacement_writer.h"

#include <algorithm>
#include <limits>

#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
// What a disk takes in a few tens of milliseconds: a journal's flush behind it waits no longer.
constexpr std::uint64_t kSyncEveryBytes = 16 << 20;
constexpr std::uint64_t kFileBytesMax = std::numeric_limits<std::uint32_t>::max();

}  // namespace

ReplacementWriter::ReplacementWriter(FileCache& files, const Partition& partition,
                                     std::shared_ptr<Segment> segment, Throttle& throttle,
                                     Bytes& buffer)
    : files_(files),
      partition_(partition),
      segment_(std::move(segment)),
      throttle_(throttle),
      buffer_(buffer) {}

Result<void> ReplacementWriter::add(ByteView batch, BatchEntry entry) {
  if (end_ + batch.size() > kFileBytesMax) {
    return fail(Code::kTooLarge, "{} would pass {} bytes", segment_->path(), kFileBytesMax);
  }
  if (buffered_ > 0 && buffered_ + batch.size() > kBufferBytes) STELE_DO(flush());
  if (buffer_.size() < buffered_ + batch.size())
    buffer_.resize(std::max(kBufferBytes, buffered_ + batch.size()));
  if (!created_) {
    created_ = true;
    STELE_DO(segment_->open_for_writing());
  }
  std::ranges::copy(batch, buffer_.begin() + static_cast<std::ptrdiff_t>(buffered_));
  buffered_ += batch.size();
  entry.file_at = static_cast<std::uint32_t>(end_);
  entry.batch_bytes = static_cast<std::uint32_t>(batch.size());
  segment_->publish(entry);
  end_ += batch.size();
  return {};
}

Result<void> ReplacementWriter::flush() {
  STELE_DO(segment_->prepare(end_));
  const ByteView piece = ByteView(buffer_).first(std::exchange(buffered_, 0));
  STELE_DO(segment_->write(std::span(&piece, 1), flushed_));
  flushed_ += piece.size();
  if (flushed_ - synced_ >= kSyncEveryBytes) {
    STELE_DO(segment_->sync());
    synced_ = flushed_;
  }
  return throttle_.took(piece.size());
}

Result<void> ReplacementWriter::finish() {
  if (!created_) return {};
  if (buffered_ > 0) STELE_DO(flush());
  if (planted(Plant::kSwapBeforeSync)) return segment_->seal();
  STELE_DO(segment_->finish());
  return files_.env().sync_folder(partition_.folder());
}

void ReplacementWriter::discard() {
  if (!created_) return;
  const auto removed = remove_segment_files(files_, *segment_);
  static_cast<void>(removed);  // the next start removes what could not be removed now
}

Result<void> remove_segment_files(FileCache& files, const Segment& segment) {
  for (const std::string& path : {segment.path(), segment.index_path()}) {
    files.forget(path);
    STELE_DO(files.env().remove(path));
  }
  return {};
}

}  // namespace stele::log
