#include "log/partition/partition.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
// File places and offset deltas of `.batches` are 32 bits wide.
constexpr std::uint64_t kSegmentBytesHardMax = INT32_MAX;
constexpr std::int64_t kSegmentRecordsHardMax = INT32_MAX;

std::uint64_t partition_seed(std::uint64_t store_seed, const TopicPartition& id) {
  std::uint64_t seed = mix_seed(store_seed, id.topic.high());
  seed = mix_seed(seed, id.topic.low());
  return mix_seed(seed, static_cast<std::uint64_t>(id.partition));
}

}  // namespace

Partition::Partition(FileCache& files, const OrderLog& order, std::string folder,
                     std::uint64_t store_seed, PartitionImage image)
    : files_(files),
      order_(order),
      id_(image.id),
      folder_(std::move(folder)),
      seed_(partition_seed(store_seed, image.id)),
      log_start_(image.log_start.raw()),
      end_(image.end.raw()),
      next_offset_(image.end),
      producers_(std::move(image.producers)) {
  SegmentList list;
  for (const SegmentImage& segment : image.segments) list.push_back(make_segment(segment));
  if (!list.empty()) {
    active_ = list.back();
    sequenced_bytes_ = active_->published_bytes();
  }
  segments_.store(std::make_shared<const SegmentList>(std::move(list)));
}

std::shared_ptr<Segment> Partition::make_segment(const SegmentImage& image) {
  std::uint64_t seed = mix_seed(seed_, static_cast<std::uint64_t>(image.base.raw()));
  if (image.generation > 0) seed = mix_seed(seed, image.generation);
  // The list of segments owns the rebuilder, and the store owns the partition longer than any
  // reader uses it.
  auto path = std::make_shared<std::string>();
  auto segment =
      std::make_shared<Segment>(files_, folder_, seed, image,
                                [this, path, base = image.base, compacted = image.generation > 0](
                                    std::optional<BatchEntry> before, std::uint32_t count) {
                                  return compacted ? rebuild_compacted(*path, before, count)
                                                   : rebuild(base, *path, before, count);
                                });
  *path = segment->path();
  return segment;
}

Result<void> Partition::make_folder() {
  if (folder_made_) return {};
  STELE_DO(files_.env().make_folder(folder_));
  folder_made_ = true;
  return {};
}

void Partition::add_segment(std::shared_ptr<Segment> segment) {
  SegmentList list = *segments_.load();
  list.push_back(std::move(segment));
  segments_.store(std::make_shared<const SegmentList>(std::move(list)));
}

Result<BatchPlace> Partition::prepare(std::uint32_t batch_bytes, std::int64_t now_us,
                                      const RollLimits& limits) {
  const std::uint64_t bytes_max =
      std::min(static_cast<std::uint64_t>(limits.segment_bytes), kSegmentBytesHardMax);
  const bool full = active_ != nullptr && sequenced_bytes_ > 0 &&
                    (sequenced_bytes_ + batch_bytes > bytes_max ||
                     distance(active_->base(), next_offset_) > kSegmentRecordsHardMax / 2 ||
                     (now_us - active_->created_us()) / kUsPerMs > limits.segment_ms);
  BatchPlace place{active_, next_offset_, sequenced_bytes_};
  if (active_ == nullptr || full) {
    STELE_DO(make_folder());
    place.segment = make_segment({.base = next_offset_, .created_us = now_us});
    place.file_at = 0;
    folder_dirty_ = true;
  }
  STELE_DO(place.segment->prepare(place.file_at + batch_bytes));
  return place;
}

void Partition::sequence(const BatchPlace& place, std::uint32_t batch_bytes,
                         std::int32_t record_count) {
  STELE_CHECK(place.base_offset == next_offset_ && record_count > 0);
  active_ = place.segment;
  sequenced_bytes_ = place.file_at + batch_bytes;
  next_offset_ = next_offset_.next(record_count);
}

Result<void> Partition::publish(const std::shared_ptr<Segment>& segment, const BatchEntry& entry) {
  const auto list = segments_.load();
  if (list->empty() || list->back() != segment) {
    if (!list->empty()) STELE_DO(list->back()->seal());
    add_segment(segment);
  }
  segment->publish(entry);
  return {};
}

Result<std::shared_ptr<Segment>> Partition::replay(Offset segment_base, const BatchEntry& entry,
                                                   std::int64_t recorded_us) {
  // The folder too may be gone: what is replayed may have been let go of later in the journal.
  STELE_DO(make_folder());
  std::shared_ptr<Segment> segment = active_;
  if (segment == nullptr || segment->base() < segment_base) {
    segment = make_segment({.base = segment_base, .created_us = recorded_us});
    folder_dirty_ = true;
  }
  if (segment->base() != segment_base || entry.base_offset != next_offset_ ||
      entry.file_at != segment->published_bytes()) {
    return fail(Code::kCorrupt, "{}: journal and checkpoint disagree at offset {}", folder_,
                entry.base_offset.raw());
  }
  STELE_DO(segment->open_for_writing());
  STELE_DO(publish(segment, entry));
  sequence({segment, entry.base_offset, entry.file_at}, entry.batch_bytes,
           static_cast<std::int32_t>(entry.offset_count));
  set_end(next_offset_);
  return segment;
}

Offset Partition::sequence_trim(Offset log_start) {
  STELE_CHECK(log_start <= end());
  if (log_start == next_offset_) {
    active_ = nullptr;
    sequenced_bytes_ = 0;
    sequenced_keep_base_ = next_offset_;
    return next_offset_;
  }
  Offset keep_base = active_ == nullptr ? Offset(0) : active_->base();
  const auto list = segments_.load();
  for (auto one = list->rbegin(); one != list->rend() && keep_base > log_start; ++one)
    keep_base = (*one)->base();
  // A swap before this trim in the commit group will have made one segment of them all.
  if (pending_swap_ && keep_base > pending_swap_->first && keep_base < pending_swap_->next)
    keep_base = pending_swap_->first;
  sequenced_keep_base_ = std::max(sequenced_keep_base_, keep_base);
  return keep_base;
}

Partition::SegmentList Partition::apply_trim(Offset log_start, Offset keep_base) {
  if (log_start > this->log_start()) log_start_.store(log_start.raw(), std::memory_order_release);
  const auto list = segments_.load();
  const auto kept =
      std::ranges::find_if(*list, [&](const auto& one) { return one->base() >= keep_base; });
  if (kept == list->begin()) return {};
  if (kept == list->end() &&
      active_ == list->back()) {  // a replay: the sequencer would have let go of it already
    active_ = nullptr;
    sequenced_bytes_ = 0;
  }
  segments_.store(std::make_shared<const SegmentList>(kept, list->end()));
  std::for_each(list->begin(), kept, [](const auto& one) { one->index().retire(); });
  return {list->begin(), kept};
}

std::optional<Offset> Partition::find_swap_end(
    std::span<const std::shared_ptr<Segment>> replaced) const {
  STELE_CHECK(!replaced.empty());
  const auto list = segments_.load();
  const auto first = std::ranges::find(*list, replaced.front());
  if (static_cast<std::size_t>(list->end() - first) <= replaced.size() ||
      !std::equal(replaced.begin(), replaced.end(), first) || pending_swap_ ||
      replaced.front()->base() < sequenced_keep_base_)
    return std::nullopt;
  return (*(first + static_cast<std::ptrdiff_t>(replaced.size())))->base();
}

Partition::SegmentList Partition::apply_swap(Offset first, Offset next,
                                             std::shared_ptr<Segment> replacement) {
  pending_swap_.reset();
  const auto list = segments_.load();
  const auto from = std::ranges::lower_bound(*list, first, {}, &Segment::base);
  const auto to = std::ranges::lower_bound(*list, next, {}, &Segment::base);
  SegmentList fresh(list->begin(), from);
  if (replacement != nullptr) fresh.push_back(std::move(replacement));
  fresh.insert(fresh.end(), to, list->end());
  segments_.store(std::make_shared<const SegmentList>(std::move(fresh)));
  // Only now: who stumbles over it looks at the new list.
  std::for_each(from, to, [](const auto& one) { one->index().retire(); });
  return {from, to};
}

Result<Partition::SegmentList> Partition::replay_swap(const SegmentImage& image, Offset next) {
  const auto list = segments_.load();
  const auto has = [&](Offset base) {
    return std::ranges::binary_search(*list, base, {}, &Segment::base);
  };
  if (!has(image.base) || !has(next) || image.base >= next) {
    return fail(Code::kCorrupt, "{}: journal and checkpoint disagree about the segments {} to {}",
                folder_, image.base.raw(), next.raw());
  }
  return apply_swap(image.base, next, image.batch_count > 0 ? make_segment(image) : nullptr);
}

Offset Partition::retention_end(std::int64_t now_ms, std::int64_t retention_ms,
                                std::int64_t retention_bytes) const {
  const auto list = segments_.load();
  Offset keep_from = log_start();
  std::int64_t left = size_bytes();
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Segment& segment = *(*list)[i];
    const bool last = i + 1 == list->size();
    const auto bytes = static_cast<std::int64_t>(segment.published_bytes());
    const bool too_old =
        retention_ms >= 0 && bytes > 0 && segment.max_timestamp_ms() < now_ms - retention_ms;
    const bool too_much = retention_bytes >= 0 && !last && left - bytes >= retention_bytes;
    if (!too_old && !too_much) break;
    left -= bytes;
    keep_from = std::max(keep_from, last ? end() : (*list)[i + 1]->base());
  }
  return keep_from;
}

std::int64_t Partition::size_bytes() const {
  std::int64_t total = 0;
  for (const auto& segment : *segments_.load())
    total += static_cast<std::int64_t>(segment->published_bytes());
  return total;
}

PartitionImage Partition::image() const {
  STELE_CHECK(next_offset_ == end());
  PartitionImage image{
      .id = id_, .log_start = log_start(), .end = end(), .segments = {}, .producers = producers_};
  for (const auto& segment : *segments_.load()) image.segments.push_back(segment->image());
  return image;
}

}  // namespace stele::log
