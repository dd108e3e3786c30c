#include "log/segment/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kReserveBytesMin = 64 << 10;
constexpr std::uint64_t kReserveBytesMax = 16 << 20;

std::string file_path(const std::string& folder, const SegmentImage& image,
                      std::string_view suffix) {
  if (image.generation == 0) return fmt::format("{}/{:020}{}", folder, image.base.raw(), suffix);
  return fmt::format("{}/{:020}.{}{}", folder, image.base.raw(), image.generation, suffix);
}

}  // namespace

Segment::Segment(FileCache& files, const std::string& folder, std::uint64_t seed,
                 const SegmentImage& image, RebuildBatches rebuild)
    : files_(files),
      path_(file_path(folder, image, ".log")),
      base_(image.base),
      created_us_(image.created_us),
      generation_(image.generation),
      dirty_from_(image.dirty_from),
      bytes_(image.bytes),
      max_timestamp_ms_(image.max_timestamp_ms),
      index_(files, file_path(folder, image, ".batches"), seed, image.base, std::move(rebuild)) {
  index_.restore(image.batch_count);
}

std::string Segment::index_path() const {
  return path_.substr(0, path_.size() - 4) + ".batches";
}

SegmentImage Segment::image() const {
  return {.base = base_,
          .bytes = published_bytes(),
          .batch_count = index_.count(),
          .max_timestamp_ms = max_timestamp_ms(),
          .created_us = created_us_,
          .generation = generation_,
          .dirty_from = dirty_from_};
}

Result<void> Segment::open_for_writing() {
  if (file_ == nullptr) {
    STELE_TRY(file_, files_.open(path_, OpenMode::kCreate));
  }
  if (!opened_) {
    reserved_to_ = published_bytes();
    if (reserved_to_ == 0)
      STELE_DO(file_->truncate(0));  // what an append that never came to be may have left
    opened_ = true;
  }
  return index_.resume();
}

Result<void> Segment::prepare(std::uint64_t end) {
  STELE_DO(open_for_writing());
  if (end <= reserved_to_) return {};
  // In steps that grow with the segment, so that a thousand small partitions do not hold gigabytes.
  const std::uint64_t step = std::clamp(end / 8, kReserveBytesMin, kReserveBytesMax);
  const std::uint64_t to = end + step;
  STELE_DO(file_->reserve(reserved_to_, to - reserved_to_));
  reserved_to_ = to;
  return {};
}

Result<void> Segment::write(std::span<const ByteView> pieces, std::uint64_t at) {
  STELE_CHECK(file_ != nullptr);
  dirty_ = true;
  return file_->write(pieces, at);
}

void Segment::publish(const BatchEntry& entry) {
  STELE_CHECK(entry.file_at == bytes_.load(std::memory_order_relaxed));
  index_.append(entry);
  max_timestamp_ms_.store(std::max(max_timestamp_ms(), entry.max_timestamp_ms),
                          std::memory_order_relaxed);
  bytes_.store(std::uint64_t{entry.file_at} + entry.batch_bytes, std::memory_order_release);
}

Result<void> Segment::seal() {
  index_.write_tail();
  if (reserved_to_ <= published_bytes() || !opened_) return {};
  reserved_to_ = published_bytes();
  // Without a descriptor the space stays reserved: no reason to fail what is durable already.
  const auto file = file_ != nullptr ? file_ : files_.open(path_).value_or(nullptr);
  return file != nullptr ? file->truncate(published_bytes()) : Result<void>{};
}

Result<void> Segment::sync() {
  STELE_CHECK(file_ != nullptr);
  return file_->sync();
}

Result<void> Segment::finish() {
  STELE_DO(seal());
  STELE_DO(sync());
  STELE_TRY(const auto index, files_.open(index_path()));
  STELE_DO(index->sync());
  file_.reset();
  dirty_ = false;
  return {};
}

Result<Bytes> Segment::read_beyond() const {
  STELE_TRY(const auto file, files_.open(path_));
  STELE_TRY(const std::uint64_t size, file->size());
  const std::uint64_t end = published_bytes();
  if (size < end)
    return fail(Code::kCorrupt, "{}: ends at byte {}, {} were acknowledged", path_, size, end);
  Bytes beyond(size - end);
  STELE_TRY(const std::size_t got, file->read(beyond, end));
  beyond.resize(got);
  return beyond;
}

Result<void> Segment::cut_beyond() {
  STELE_TRY(const auto file, files_.open(path_));
  return file->truncate(published_bytes());
}

std::shared_ptr<File> Segment::take_dirty() {
  if (!dirty_) return nullptr;
  dirty_ = false;
  index_.write_tail();
  return std::exchange(file_, nullptr);
}

Result<std::size_t> Segment::read(ByteSpan into, std::uint64_t at) const {
  const std::uint64_t end = published_bytes();
  if (at >= end) return 0;
  into = into.first(std::min<std::uint64_t>(into.size(), end - at));
  const auto file = files_.open(path_);
  if (!file) {
    return fail(file.error().code == Code::kNotFound ? Code::kCorrupt : file.error().code, "{}",
                file.error().detail);
  }
  STELE_TRY(const std::size_t got, (*file)->read(into, at));
  if (got < into.size()) {
    return fail(Code::kCorrupt, "{}: ends at byte {}, {} were acknowledged", path_, at + got, end);
  }
  return got;
}

}  // namespace stele::log
