#include "log/index/run_join.h"

namespace stele::log {

Result<bool> RunCursor::next() {
  const bool has_last = reader_.has_value();
  last_bytes_.assign(term_.bytes.begin(), term_.bytes.end());
  TermView last = term_;
  last.bytes = last_bytes_;
  bool fresh_block = false;
  while (!reader_ || !reader_->next()) {
    if (reader_ && reader_->failed()) return run_->malformed(run_->fences()[next_fence_ - 1].block);
    if (next_fence_ == run_->fences().size()) return false;
    STELE_DO(run_->read(RunBlockKind::kEntries, run_->fences()[next_fence_++].block, block_));
    reader_.emplace(block_, run_->range());
    fresh_block = true;
  }
  const RunEntry& entry = reader_->entry();
  const bool of_topic = has_topic(entry.kind);
  const std::uint32_t block = run_->fences()[next_fence_ - 1].block;
  if (of_topic && entry.topic >= run_->topics().size()) return run_->malformed(block);
  term_ = {.kind = entry.kind,
           .topic = of_topic ? run_->topics()[entry.topic] : Uuid{},
           .bytes = entry.bytes,
           .hash = 0};
  term_.hash = hasher_.hash(term_.kind, term_.topic, term_.bytes);
  if (has_last && !comes_before(last, term_)) return run_->malformed(block);
  // Who looks for the first term of a block finds it by this.
  if (fresh_block && run_->fences()[next_fence_ - 1].hash != term_.hash >> 32)
    return run_->malformed(block);
  return true;
}

std::unique_ptr<RunPieces> RunCursor::pieces() const {
  return std::make_unique<RunPieces>(run_, FoundEntry{.block = nullptr, .entry = entry()});
}

Result<void> RunCursor::copy_postings(RunWriter& writer, const std::atomic<bool>& stop) const {
  if (!entry().list) return writer.append_short(entry());
  const RunPieces pieces(run_, {.block = nullptr, .entry = entry()});
  Position end = entry().first;
  for (std::int64_t index = 0; index < pieces.count() && !stop.load();) {
    STELE_TRY(const PostingPiece piece, pieces.by_index(index));
    const bool ascends = piece.first_index == index && piece.positions.front() >= end;
    if (!ascends) return run_->malformed(entry().list->block);
    end = piece.positions.back().next();
    STELE_DO(writer.append(piece.positions));
    index = piece.end_index();
  }
  return {};
}

namespace {

// Of one term the oldest run first.
bool comes_after(const RunCursor* one, const RunCursor* other) {
  if (one->term().hash != other->term().hash) return one->term().hash > other->term().hash;
  if (comes_before(one->term(), other->term())) return false;
  return comes_before(other->term(), one->term()) || one->number() > other->number();
}

}  // namespace

RunJoin::RunJoin(const std::vector<RunPtr>& runs, const TermHasher& hasher) {
  for (const RunPtr& run : runs)
    cursors_.push_back(std::make_unique<RunCursor>(run, cursors_.size(), hasher));
  for (const auto& cursor : cursors_) parts_.push_back(cursor.get());
}

Result<bool> RunJoin::next() {
  for (RunCursor* cursor : parts_) {
    STELE_TRY(const bool more, cursor->next());
    if (!more) continue;
    heap_.push_back(cursor);
    std::ranges::push_heap(heap_, comes_after);
  }
  parts_.clear();
  while (!heap_.empty() &&
         (parts_.empty() || same_term(heap_.front()->term(), parts_.front()->term()))) {
    std::ranges::pop_heap(heap_, comes_after);
    parts_.push_back(heap_.back());
    heap_.pop_back();
  }
  return !parts_.empty();
}

}  // namespace stele::log
