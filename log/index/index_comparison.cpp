#include "log/index/index_comparison.h"

#include <fmt/format.h>

#include <algorithm>

namespace stele::log {
namespace {

const std::vector<RunCursor*> kNoParts;

std::vector<RunPtr> runs_of(const RunChain& chain) {
  std::vector<RunPtr> runs;
  for (const ChainedRun& one : chain) runs.push_back(one.run);
  return runs;
}

/// Where the newest event of either went.
std::int32_t newest_partition(const std::vector<RunCursor*>& disk,
                              const std::vector<RunCursor*>& built) {
  const bool from_disk =
      built.empty() || (!disk.empty() && disk.back()->entry().last > built.back()->entry().last);
  return (from_disk ? disk : built).back()->entry().partition;
}

}  // namespace

Result<bool> PostingStream::next() {
  ++index_;
  begun_base_.reset();
  if (++at_ < piece_.positions.size()) return true;
  if (pieces_ == nullptr || piece_.end_index() == pieces_->count()) {
    if (next_part_ == parts_.size()) return false;
    const RunCursor& part = *parts_[next_part_++];
    begun_base_ = part.entry().base;
    pieces_ = part.pieces();
    piece_ = {};
  }
  STELE_TRY(piece_, pieces_->by_index(piece_.end_index()));
  at_ = 0;
  return true;
}

/// Begins the term with its first position: a term without any is not written.
class IndexComparison::Output {
public:
  Output(RunWriter* into, const TermView& term, std::int32_t partition)
      : into_(into), term_(term), partition_(partition) {}

  Result<void> put(Position position) {
    if (into_ == nullptr) return {};
    if (!begun_) into_->begin_term(term_, 0, partition_);
    begun_ = true;
    return into_->append(std::span(&position, 1));
  }
  Result<void> end() { return begun_ ? into_->end_term() : Result<void>(); }

private:
  RunWriter* into_;
  const TermView& term_;
  std::int32_t partition_;
  bool begun_ = false;
};

IndexComparison::Side::Side(const RunChain& chain, const TermHasher& hasher)
    : join(runs_of(chain), hasher) {
  for (const ChainedRun& one : chain) filters.emplace_back(one);
}

Result<void> IndexComparison::Side::advance() {
  begun = true;
  STELE_TRY(more, join.next());
  return {};
}

IndexComparison::IndexComparison(const RunChain& disk, const RunChain& built,
                                 const TermHasher& hasher, const ComparisonRules& rules)
    : rules_(rules), disk_(disk, hasher), built_(built, hasher) {}

void IndexComparison::differs(const TermView& term, std::optional<Position> position,
                              std::string what) {
  ++counts_.differences;
  if (differences_.size() == kDifferencesMax) return;
  differences_.push_back({.term = {.kind = term.kind,
                                   .topic = term.topic,
                                   .bytes = Bytes(term.bytes.begin(), term.bytes.end()),
                                   .hash = term.hash},
                          .position = position,
                          .what = std::move(what)});
}

Result<bool> IndexComparison::next(RunWriter* into) {
  for (Side* side : {&disk_, &built_}) {
    if (!side->begun) STELE_DO(side->advance());
  }
  if (!disk_.more && !built_.more) return false;
  const bool on_disk =
      disk_.more && (!built_.more || !comes_before(built_.join.term(), disk_.join.term()));
  const bool in_built =
      built_.more && (!disk_.more || !comes_before(disk_.join.term(), built_.join.term()));
  STELE_DO(compare(on_disk, in_built, into));
  if (on_disk) STELE_DO(disk_.advance());
  if (in_built) STELE_DO(built_.advance());
  return true;
}

Result<void> IndexComparison::compare(bool on_disk, bool in_built, RunWriter* into) {
  ++counts_.terms;
  const TermView& term = on_disk ? disk_.join.term() : built_.join.term();
  const auto& disk = on_disk ? disk_.join.parts() : kNoParts;
  const auto& built = in_built ? built_.join.parts() : kNoParts;
  if (on_disk) check_filters(term);
  Output output(into, term, newest_partition(disk, built));
  STELE_DO(compare_postings(term, disk, built, output));
  if (on_disk && in_built) check_partition(term, disk.back()->entry(), built.back()->entry());
  return output.end();
}

Result<void> IndexComparison::compare_postings(const TermView& term,
                                               const std::vector<RunCursor*>& disk_parts,
                                               const std::vector<RunCursor*>& built_parts,
                                               Output& output) {
  PostingStream disk(disk_parts);
  PostingStream built(built_parts);
  STELE_TRY(bool on_disk, disk.next());
  STELE_TRY(bool in_built, built.next());
  while (on_disk || in_built) {
    ++counts_.postings;
    const bool take_disk = on_disk && (!in_built || disk.position() <= built.position());
    const bool take_built = in_built && (!on_disk || built.position() <= disk.position());
    if (take_disk) check_base(term, disk);
    if (take_built) {
      if (take_disk || check_built_only(term, built.position()))
        STELE_DO(output.put(built.position()));
      STELE_TRY(in_built, built.next());
    } else {
      STELE_DO(check_disk_only(term, disk.position(), output));
    }
    if (take_disk) {
      STELE_TRY(on_disk, disk.next());
    }
  }
  return {};
}

Result<void> IndexComparison::check_disk_only(const TermView& term, Position position,
                                              Output& output) {
  if (position >= rules_.end) return {};
  if (rules_.gone.contains(position)) {
    ++counts_.gone_postings;
    return output.put(position);
  }
  if (rules_.deleted.contains(position)) {
    ++counts_.deleted_postings;
  } else {
    differs(term, position, "is on disk; no such event is in the log");
  }
  return {};
}

bool IndexComparison::check_built_only(const TermView& term, Position position) {
  if (term.kind == TermKind::kEventId && position < rules_.ids_wanted_from) {
    ++counts_.dropped_ids;
    return false;
  }
  if (position < rules_.disk_end) differs(term, position, "is in the log; it is missing on disk");
  return true;
}

// Event ids are dropped by merges, so that theirs need not add up.
void IndexComparison::check_base(const TermView& term, const PostingStream& disk) {
  const auto base = disk.begun_base();
  if (!base || term.kind == TermKind::kEventId || *base == disk.index()) return;
  differs(term, disk.position(),
          fmt::format("is event number {} by its run, {} by the runs before", *base, disk.index()));
}

void IndexComparison::check_partition(const TermView& term, const RunEntry& disk,
                                      const RunEntry& built) {
  if (disk.last != built.last || disk.partition == built.partition) return;
  differs(term, disk.last,
          fmt::format("went to partition {}; on disk it is {}", built.partition, disk.partition));
}

void IndexComparison::check_filters(const TermView& term) {
  for (std::size_t i = 0; i < disk_.filters.size(); ++i) {
    if (!disk_.join.holds(i) || disk_.filters[i].may_hold(term.hash)) continue;
    differs(term, std::nullopt, "is in a run whose filter does not know it");
  }
}

}  // namespace stele::log
