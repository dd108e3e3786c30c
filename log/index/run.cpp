#include "log/index/run.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/index/term_filter.h"

namespace stele::log {

Result<RunPtr> Run::open(Env& env, const std::string& folder, RunRange range, const Uuid& store) {
  std::shared_ptr<Run> run(new Run);
  run->path_ = folder + "/" + run_name(range);
  STELE_TRY(run->file_, env.open(run->path_, OpenMode::kRead));
  STELE_DO(run->load(store, range));
  return run;
}

std::unexpected<Error> Run::malformed(std::uint64_t index) const {
  damaged_.store(true, std::memory_order_relaxed);
  return fail(Code::kCorrupt, "{}: block {} at byte {} is malformed", path_, index,
              index * kBlockBytes);
}

Result<void> Run::read(RunBlockKind kind, std::uint64_t index, RunBlock& into) const {
  STELE_TRY(const std::size_t got, file_->read(into.bytes, index * kBlockBytes));
  if (got == kBlockBytes && into.is_whole(kind, seed_, index)) return {};
  damaged_.store(true, std::memory_order_relaxed);
  return fail(Code::kCorrupt, "{}: block {} at byte {} fails its checksum", path_, index,
              index * kBlockBytes);
}

Result<void> Run::load(const Uuid& store, RunRange range) {
  seed_ = run_seed(store, range);
  STELE_TRY(const std::uint64_t size, file_->size());
  if (size == 0 || size % kBlockBytes != 0)
    return fail(Code::kCorrupt, "{}: {} bytes are not whole blocks", path_, size);
  RunBlock block;
  STELE_DO(read(RunBlockKind::kFooter, size / kBlockBytes - 1, block));
  auto footer = RunFooter::read(block);
  if (!footer) return at(path_, std::move(footer).error());
  footer_ = *footer;
  if (footer_.store != store || footer_.range != range || file_bytes() != size)
    return fail(Code::kCorrupt, "{}: the footer does not fit the file", path_);
  STELE_DO(load_topics());
  return load_fences();
}

Result<void> Run::load_topics() {
  RunBlock block;
  for (std::uint64_t i = footer_.topics_at(); i < footer_.fences_at(); ++i) {
    STELE_DO(read(RunBlockKind::kTopics, i, block));
    const ByteView payload = block.payload();
    if (payload.size() != block.count() * sizeof(Uuid)) return malformed(i);
    for (std::size_t at = 0; at < payload.size(); at += sizeof(Uuid))
      topics_.push_back(Uuid::load(payload.data() + at));
  }
  if (topics_.size() != footer_.topic_count) return malformed(footer_.topics_at());
  for (std::uint32_t number = 0; number < topics_.size(); ++number)
    topic_numbers_.emplace_back(topics_[number], number);
  std::ranges::sort(topic_numbers_);
  return {};
}

Result<void> Run::load_fences() {
  RunBlock block;
  fences_.reserve(footer_.entry_blocks);
  for (std::uint64_t i = footer_.fences_at(); i < footer_.filter_at(); ++i) {
    STELE_DO(read(RunBlockKind::kFences, i, block));
    const ByteView payload = block.payload();
    if (payload.size() != block.count() * sizeof(RunFence)) return malformed(i);
    for (std::size_t at = 0; at < payload.size(); at += sizeof(RunFence)) {
      fences_.push_back({.hash = load_le<std::uint32_t>(payload.data() + at),
                         .block = load_le<std::uint32_t>(payload.data() + at + 4)});
    }
  }
  const bool sane = fences_.size() == footer_.entry_blocks &&
                    std::ranges::is_sorted(fences_, {}, &RunFence::hash) &&
                    std::ranges::all_of(fences_, [&](const RunFence& fence) {
                      return fence.block < footer_.data_blocks;
                    });
  if (!sane) return malformed(footer_.fences_at());
  return {};
}

std::optional<std::uint32_t> Run::topic_number(const TermView& term) const {
  if (!has_topic(term.kind)) return 0;
  const auto found = std::ranges::lower_bound(topic_numbers_, term.topic, {},
                                              &std::pair<Uuid, std::uint32_t>::first);
  if (found == topic_numbers_.end() || found->first != term.topic) return std::nullopt;
  return found->second;
}

Result<bool> Run::find_in(std::uint32_t index, const TermView& term, std::uint32_t topic,
                          FoundEntry& found) const {
  STELE_DO(read(RunBlockKind::kEntries, index, *found.block));
  RunEntryReader reader(*found.block, range());
  while (reader.next()) {
    const RunEntry& entry = reader.entry();
    if (entry.kind == term.kind && entry.topic == topic &&
        std::ranges::equal(entry.bytes, term.bytes)) {
      found.entry = entry;
      return true;
    }
  }
  if (reader.failed()) return malformed(index);
  return false;
}

Result<std::optional<FoundEntry>> Run::find(const TermView& term,
                                            std::atomic<std::int64_t>& block_reads) const {
  const auto topic = topic_number(term);
  if (!topic) return std::nullopt;
  const auto hash = static_cast<std::uint32_t>(term.hash >> 32);
  auto fence = std::ranges::upper_bound(fences_, hash, {}, &RunFence::hash);
  FoundEntry found{.block = std::make_unique<RunBlock>(), .entry = {}};
  // Mostly one block. The one before is looked at only if its last entries may have the same half
  // of a hash.
  while (fence != fences_.begin()) {
    --fence;
    block_reads.fetch_add(1, std::memory_order_relaxed);
    STELE_TRY(const bool here, find_in(fence->block, term, *topic, found));
    if (here) return found;
    if (fence->hash < hash) break;
  }
  return std::nullopt;
}

Result<void> Run::read_filter_block(std::uint64_t index, RunBlock& into) const {
  STELE_DO(read(RunBlockKind::kFilter, footer_.filter_at() + index, into));
  const std::uint64_t lines = std::min<std::uint64_t>(
      kFilterLinesPerBlock, footer_.filter_lines - index * kFilterLinesPerBlock);
  if (into.used_bytes() != lines * kFilterLineBytes) return malformed(footer_.filter_at() + index);
  return {};
}

Result<bool> Run::may_hold(std::uint64_t hash) const {
  if (footer_.filter_lines == 0) return false;
  const std::uint64_t line = filter_line_of(hash, footer_.filter_lines);
  RunBlock block;
  STELE_DO(read_filter_block(line / kFilterLinesPerBlock, block));
  return filter_line_may_hold(
      block.payload().data() + line % kFilterLinesPerBlock * kFilterLineBytes, hash);
}

bool Run::may_hold_cached(std::uint64_t hash) const {
  if (footer_.filter_lines == 0) return false;
  const std::uint64_t line = filter_line_of(hash, footer_.filter_lines);
  const std::uint64_t index = footer_.filter_at() + line / kFilterLinesPerBlock;
  RunBlock block;
  const auto got = file_->read_cached(block.bytes, index * kBlockBytes);
  if (!got || *got != kBlockBytes || !block.is_whole(RunBlockKind::kFilter, seed_, index))
    return true;
  return filter_line_may_hold(
      block.payload().data() + line % kFilterLinesPerBlock * kFilterLineBytes, hash);
}

Result<Bytes> Run::read_filter() const {
  Bytes lines;
  lines.reserve(filter_bytes());
  RunBlock block;
  for (std::uint64_t i = 0; footer_.filter_at() + i < footer_.footer_at(); ++i) {
    STELE_DO(read_filter_block(i, block));
    const ByteView payload = block.payload();
    lines.insert(lines.end(), payload.begin(), payload.end());
  }
  return lines;
}

// --- postings ---

Result<PostingPiece> RunPieces::whole() const {
  const RunEntry& entry = found_.entry;
  auto positions = read_positions(entry.first, entry.deltas, entry.count, run_->range());
  STELE_CHECK(positions.has_value());  // the entry was read already
  return PostingPiece{.first_index = 0, .positions = *std::move(positions)};
}

Result<RunPieces::Part> RunPieces::read_part(std::uint64_t number) const {
  const LongList& list = *found_.entry.list;
  const std::uint64_t block = list.block + number;
  if (block >= run_->footer().data_blocks) return run_->malformed(block);
  STELE_DO(run_->read(RunBlockKind::kPostings, block, block_));
  const auto part = read_list_part(block_, number == 0 ? list.at : 0, run_->range());
  const bool sane = part && part->first_index < count() &&
                    part->count <= count() - part->first_index &&
                    (number == 0) == (part->first_index == 0);
  if (!sane) return run_->malformed(block);
  return Part{.block = block, .part = *part};
}

Result<PostingPiece> RunPieces::decode(const Part& part) const {
  auto positions =
      read_positions(part.part.first, part.part.deltas, part.part.count, run_->range());
  if (!positions) return run_->malformed(part.block);
  return PostingPiece{.first_index = part.part.first_index, .positions = *std::move(positions)};
}

// The last part that does not lie behind what is looked for; the first one if all do.
template <class IsBehind>
Result<PostingPiece> RunPieces::search(IsBehind is_behind) const {
  std::uint64_t low = 0;
  std::uint64_t high = found_.entry.list->block_count;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    STELE_TRY(const Part part, read_part(middle));
    (is_behind(part.part) ? high : low) = middle;
  }
  STELE_TRY(const Part part, read_part(low));
  return decode(part);
}

Result<PostingPiece> RunPieces::by_index(std::int64_t index) const {
  STELE_CHECK(index >= 0 && index < count());
  if (!found_.entry.list) return whole();
  STELE_TRY(PostingPiece piece,
            search([&](const ListPart& part) { return part.first_index > index; }));
  if (index < piece.first_index || index >= piece.end_index())
    return run_->malformed(found_.entry.list->block);
  return piece;
}

Result<PostingPiece> RunPieces::by_position(Position position) const {
  if (!found_.entry.list) return whole();
  return search([&](const ListPart& part) { return part.first > position; });
}

}  // namespace stele::log
