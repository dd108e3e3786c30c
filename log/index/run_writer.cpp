#include "log/index/run_writer.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/varint.h"
#include "log/index/term_filter.h"

namespace stele::log {
namespace {

constexpr std::size_t kBufferBlocks = 64;
// A journal's flush shall not stand behind a gigabyte of ours.
constexpr std::uint64_t kUnsyncedBytesMax = 16 << 20;
constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kListPartBytesMax = kRunPayloadBytes - kListPartHeaderBytesMax;

}  // namespace

RunWriter::RunWriter(Env& env, std::string folder, const Uuid& store, RunRange range,
                     const TermHasher& hasher)
    : env_(env),
      folder_(std::move(folder)),
      new_path_(folder_ + "/" + run_name(range) + ".new"),
      hasher_(hasher),
      seed_(run_seed(store, range)) {
  footer_.store = store;
  footer_.range = range;
}

Result<void> RunWriter::begin() {
  STELE_DO(env_.remove(new_path_));
  STELE_TRY(file_, env_.open(new_path_, OpenMode::kCreateFresh));
  return {};
}

void RunWriter::begin_term(const TermView& term, std::optional<std::int64_t> base,
                           std::int32_t partition) {
  STELE_CHECK(term.hash >= last_hash_ && term.bytes.size() <= kTermBytesMax);
  last_hash_ = term.hash;
  // What its lists had for memory stays for the next one.
  term_.kind = term.kind;
  term_.topic = 0;
  term_.bytes.assign(term.bytes.begin(), term.bytes.end());
  term_.hash = term.hash;
  term_.base = base;
  term_.partition = partition;
  term_.count = 0;
  term_.list = {};
  term_.deltas.clear();
  term_.part_index = 0;
  if (!has_topic(term.kind)) return;
  const auto [found, fresh] =
      topic_numbers_.try_emplace(term.topic, static_cast<std::uint32_t>(topics_.size()));
  if (fresh) topics_.push_back(term.topic);
  term_.topic = found->second;
}

Result<void> RunWriter::append(std::span<const Position> positions) {
  for (const Position position : positions) STELE_DO(append(position));
  return {};
}

Result<void> RunWriter::append_short(const RunEntry& entry) {
  STELE_CHECK(!entry.list && entry.last < footer_.range.to);
  if (term_.deltas.size() + kVarintBytesMax + entry.deltas.size() > kListPartBytesMax) {
    const auto positions = read_positions(entry.first, entry.deltas, entry.count, footer_.range);
    STELE_CHECK(positions.has_value());  // the entry was read already
    return append(*positions);
  }
  STELE_DO(append(entry.first));
  term_.deltas.insert(term_.deltas.end(), entry.deltas.begin(), entry.deltas.end());
  term_.count += entry.count - 1;
  term_.last = entry.last;
  return {};
}

Result<void> RunWriter::append(Position position) {
  STELE_CHECK(position >= footer_.range.from && position < footer_.range.to);
  if (term_.count == 0) {
    term_.first = term_.part_first = position;
  } else {
    STELE_CHECK(position > term_.last);
    const auto delta = static_cast<std::uint64_t>(distance(term_.last, position));
    const std::size_t bytes = uvarint_bytes(delta);
    if (term_.deltas.size() + bytes > kListPartBytesMax) {
      STELE_DO(end_part(false));
      term_.part_index = term_.count;
      term_.part_first = position;
    } else {
      const std::size_t at = term_.deltas.size();
      term_.deltas.resize(at + bytes);
      write_uvarint(term_.deltas.data() + at, delta);
    }
  }
  term_.last = position;
  ++term_.count;
  return {};
}

// A part that is not the last fills a block of its own. Blocks of one list stand side by side: no
// entry is written between them.
Result<void> RunWriter::end_part(bool last) {
  const bool fits =
      postings_index_ &&
      postings_.used_bytes + kListPartHeaderBytesMax + term_.deltas.size() <= kRunPayloadBytes;
  if (!last || term_.list.block_count > 0 || !fits) {
    STELE_DO(end_postings());
    postings_index_ = next_block_++;
  }
  if (term_.list.block_count == 0) {
    term_.list.block = *postings_index_;
    term_.list.at = static_cast<std::uint32_t>(postings_.used_bytes);
  }
  STELE_CHECK(term_.list.block + term_.list.block_count == *postings_index_);
  ++term_.list.block_count;
  std::byte* const begin = postings_.block.payload_to();
  std::byte* to = write_list_part(
      begin + postings_.used_bytes, term_.part_index, term_.count - term_.part_index,
      distance(footer_.range.from, term_.part_first), term_.deltas.size());
  to = std::ranges::copy(term_.deltas, to).out;
  postings_.used_bytes = static_cast<std::size_t>(to - begin);
  ++postings_.count;
  term_.deltas.clear();
  return {};
}

Result<void> RunWriter::end_term() {
  STELE_CHECK(term_.count > 0);
  const bool is_long = term_.list.block_count > 0 || term_.deltas.size() > kInlinePostingsBytesMax;
  if (is_long) STELE_DO(end_part(true));
  RunEntry entry{.kind = term_.kind,
                 .topic = term_.topic,
                 .bytes = term_.bytes,
                 .base = term_.base,
                 .count = term_.count,
                 .partition = term_.partition,
                 .first = term_.first,
                 .last = term_.last,
                 .deltas = term_.deltas,
                 .list = {}};
  if (is_long) entry.list = term_.list;
  const std::size_t bytes = entry_bytes(entry, footer_.range.from);
  STELE_CHECK(bytes <= kRunPayloadBytes);
  if (entries_.used_bytes + bytes > kRunPayloadBytes) STELE_DO(end_entries());
  // Its number is given when it is full.
  if (entries_.count == 0)
    fences_.push_back({.hash = static_cast<std::uint32_t>(term_.hash >> 32), .block = 0});
  std::byte* const to = entries_.block.payload_to() + entries_.used_bytes;
  const std::byte* end = write_entry(to, entry, footer_.range.from);
  STELE_CHECK(end == to + bytes);
  entries_.used_bytes += bytes;
  ++entries_.count;
  ++footer_.term_count;
  footer_.posting_count += static_cast<std::uint64_t>(term_.count);
  if (!term_.base && term_.kind != TermKind::kEventId) ++footer_.unknown_bases;
  return {};
}

Result<void> RunWriter::end_entries() {
  if (entries_.count == 0) return {};
  STELE_CHECK(next_block_ < UINT32_MAX);
  const std::uint64_t index = next_block_++;
  fences_.back().block = static_cast<std::uint32_t>(index);
  entries_.block.seal(RunBlockKind::kEntries, seed_, index, entries_.count, entries_.used_bytes);
  STELE_DO(put(index, entries_.block));
  entries_.clear();
  return {};
}

Result<void> RunWriter::end_postings() {
  if (!postings_index_) return {};
  postings_.block.seal(RunBlockKind::kPostings, seed_, *postings_index_, postings_.count,
                       postings_.used_bytes);
  STELE_DO(put(*postings_index_, postings_.block));
  postings_.clear();
  postings_index_.reset();
  return {};
}

// Blocks come in order, but for a posting block that stays open while entries are written behind
// it.
Result<void> RunWriter::put(std::uint64_t index, const RunBlock& block) {
  if (index < buffer_index_) return file_->write(block.bytes, index * kBlockBytes);
  const std::size_t at = (index - buffer_index_) * kBlockBytes;
  if (buffer_.size() < at + kBlockBytes) buffer_.resize(at + kBlockBytes);
  std::ranges::copy(block.bytes, buffer_.begin() + static_cast<std::ptrdiff_t>(at));
  return buffer_.size() >= kBufferBlocks * kBlockBytes ? flush_buffer() : Result<void>();
}

Result<void> RunWriter::flush_buffer() {
  if (buffer_.empty()) return {};
  STELE_DO(file_->write(buffer_, buffer_index_ * kBlockBytes));
  buffer_index_ += buffer_.size() / kBlockBytes;
  unsynced_bytes_ += buffer_.size();
  buffer_.clear();
  if (unsynced_bytes_ < kUnsyncedBytesMax) return {};
  unsynced_bytes_ = 0;
  return file_->sync();
}

Result<void> RunWriter::end_terms() {
  STELE_DO(end_entries());
  STELE_DO(end_postings());
  footer_.data_blocks = next_block_;
  footer_.entry_blocks = fences_.size();
  footer_.topic_count = topics_.size();
  footer_.filter_lines = filter_lines_for(footer_.term_count);
  STELE_DO(write_topics());
  STELE_DO(write_fences());
  STELE_CHECK(next_block_ == footer_.filter_at());
  terms_ended_ = true;
  return flush_buffer();
}

Result<void> RunWriter::write_topics() {
  for (std::size_t at = 0; at < topics_.size(); at += kTopicsPerBlock) {
    const std::size_t count = std::min(kTopicsPerBlock, topics_.size() - at);
    RunBlock block;
    for (std::size_t i = 0; i < count; ++i)
      std::ranges::copy(topics_[at + i].bytes, block.payload_to() + i * sizeof(Uuid));
    block.seal(RunBlockKind::kTopics, seed_, next_block_, count, count * sizeof(Uuid));
    STELE_DO(put(next_block_++, block));
  }
  return {};
}

Result<void> RunWriter::write_fences() {
  for (std::size_t at = 0; at < fences_.size(); at += kFencesPerBlock) {
    const std::size_t count = std::min(kFencesPerBlock, fences_.size() - at);
    RunBlock block;
    for (std::size_t i = 0; i < count; ++i) {
      std::byte* const to = block.payload_to() + i * sizeof(RunFence);
      store_le(to, fences_[at + i].hash);
      store_le(to + 4, fences_[at + i].block);
    }
    block.seal(RunBlockKind::kFences, seed_, next_block_, count, count * sizeof(RunFence));
    STELE_DO(put(next_block_++, block));
  }
  return {};
}

Result<bool> RunWriter::write_filter(std::uint64_t blocks_max) {
  if (!terms_ended_) STELE_DO(end_terms());
  for (; blocks_max > 0 && filtered_blocks_ < fences_.size(); --blocks_max)
    STELE_DO(filter_entries_of(fences_[filtered_blocks_++].block));
  return filtered_blocks_ == fences_.size();
}

Result<void> RunWriter::filter_entries_of(std::uint64_t index) {
  RunBlock block;
  STELE_TRY(const std::size_t got, file_->read(block.bytes, index * kBlockBytes));
  const auto wrong = [&] {
    return fail(Code::kCorrupt, "{}: block {} reads back wrong", new_path_, index);
  };
  if (got != kBlockBytes || !block.is_whole(RunBlockKind::kEntries, seed_, index)) return wrong();
  RunEntryReader reader(block, footer_.range);
  while (reader.next()) {
    const RunEntry& entry = reader.entry();
    if (has_topic(entry.kind) && entry.topic >= topics_.size()) return wrong();
    const std::uint64_t hash = hasher_.hash(
        entry.kind, has_topic(entry.kind) ? topics_[entry.topic] : Uuid{}, entry.bytes);
    if (hash < filtered_hash_) return wrong();
    filtered_hash_ = hash;
    STELE_DO(add_to_filter(hash));
  }
  if (reader.failed()) return wrong();
  return {};
}

Result<void> RunWriter::add_to_filter(std::uint64_t hash) {
  const std::uint64_t line = filter_line_of(hash, footer_.filter_lines);
  while (filter_block_ < line / kFilterLinesPerBlock) STELE_DO(end_filter_block());
  filter_line_add(filter_.block.payload_to() + line % kFilterLinesPerBlock * kFilterLineBytes,
                  hash);
  return {};
}

Result<void> RunWriter::end_filter_block() {
  const std::uint64_t left = footer_.filter_lines - filter_block_ * kFilterLinesPerBlock;
  const std::size_t lines = std::min<std::uint64_t>(left, kFilterLinesPerBlock);
  filter_.block.seal(RunBlockKind::kFilter, seed_, next_block_, lines, lines * kFilterLineBytes);
  STELE_DO(put(next_block_++, filter_.block));
  filter_.clear();
  ++filter_block_;
  return {};
}

Result<void> RunWriter::commit() {
  STELE_CHECK(terms_ended_ && filtered_blocks_ == fences_.size());
  while (next_block_ < footer_.footer_at()) STELE_DO(end_filter_block());
  RunBlock footer;
  footer_.write(footer);
  STELE_DO(put(next_block_, footer));
  STELE_DO(flush_buffer());
  STELE_DO(file_->sync());
  file_.reset();
  STELE_DO(env_.rename(new_path_, folder_ + "/" + run_name(footer_.range)));
  return env_.sync_folder(folder_);
}

void RunWriter::discard() {
  file_.reset();
  const auto removed = env_.remove(new_path_);
  static_cast<void>(removed);  // the next open() removes it
}

}  // namespace stele::log
