#include "log/index/tail_cut.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/index/run_writer.h"
#include "log/index/term_filter.h"

namespace stele::log {
namespace {

constexpr std::size_t kAhead = 12;  // entries whose memory is fetched before they are written

/// Asks a run's filter for hashes in ascending order: each of its blocks is read once.
class FilterScan {
public:
  explicit FilterScan(const ChainedRun& run) : run_(run) {}

  // What cannot be read may hold anything.
  [[nodiscard]] bool may_hold(std::uint64_t hash) {
    const std::uint64_t lines = run_.run->footer().filter_lines;
    if (lines == 0) return false;
    if (run_.filter != nullptr) return run_.may_hold_cached(hash);
    const std::uint64_t line = filter_line_of(hash, lines);
    const std::uint64_t index = line / kFilterLinesPerBlock;
    if (index != index_) {
      index_ = index;
      readable_ = run_.run->read_filter_block(index, block_).has_value();
    }
    return !readable_ ||
           filter_line_may_hold(
               block_.payload().data() + line % kFilterLinesPerBlock * kFilterLineBytes, hash);
  }

private:
  const ChainedRun& run_;
  RunBlock block_;
  std::optional<std::uint64_t> index_;
  bool readable_ = false;
};

Result<void> write_entry(RunWriter& writer, const TermTail& tail, const TailEntry& entry,
                         std::vector<FilterScan>& filters) {
  std::optional<std::int64_t> base;
  if (const std::int64_t known = entry.base(); known != TailEntry::kUnknown) {
    base = known;
  } else if (std::ranges::none_of(
                 filters, [&](FilterScan& filter) { return filter.may_hold(entry.hash); })) {
    base = 0;
  }
  writer.begin_term(tail.term(entry), base, entry.partition);
  for (std::int64_t index = 0; index < entry.count;) {
    const PostingPiece piece = tail.piece_by_index(entry, index, entry.count);
    STELE_DO(writer.append(piece.positions));
    index = piece.end_index();
  }
  return writer.end_term();
}

Result<void> write_run(RunWriter& writer, const TailCut& cut, const std::atomic<bool>& stop) {
  std::vector<FilterScan> filters;
  for (const ChainedRun& run : cut.older) filters.emplace_back(run);
  STELE_DO(writer.begin());
  const std::vector<const TailEntry*> entries = sort_entries(*cut.tail);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (stop.load()) return fail(Code::kCancelled, "the index is being closed");
    if (i + kAhead < entries.size()) {
      __builtin_prefetch(entries[i + kAhead]);
      __builtin_prefetch(entries[i + kAhead] + 1);
    }
    STELE_DO(write_entry(writer, *cut.tail, *entries[i], filters));
  }
  for (bool done = false; !done;) {
    STELE_TRY(done, writer.write_filter(UINT64_MAX));
  }
  return writer.commit();
}

void keep_heads(const TailCut& cut, HeadCache& heads) {
  for (std::size_t i = 0; i < cut.tail->term_count(); ++i) {
    const TailEntry& entry = cut.tail->entry(i);
    const std::int64_t base = entry.base();
    if (!entry.asked() || base == TailEntry::kUnknown) continue;
    heads.put(
        cut.tail->term(entry),
        {.head = {.count = base + entry.count, .last = entry.last, .partition = entry.partition},
         .as_of = cut.range.to});
  }
}

}  // namespace

std::vector<const TailEntry*> sort_entries(const TermTail& tail) {
  std::vector<std::pair<std::uint64_t, const TailEntry*>> order;
  order.reserve(tail.term_count());
  for (std::size_t i = 0; i < tail.term_count(); ++i)
    order.emplace_back(tail.entry(i).hash, &tail.entry(i));
  std::ranges::sort(order, [&](const auto& one, const auto& other) {
    if (one.first != other.first) return one.first < other.first;
    return comes_before(tail.term(*one.second), tail.term(*other.second));
  });
  std::vector<const TailEntry*> entries;
  entries.reserve(order.size());
  for (const auto& [hash, entry] : order) entries.push_back(entry);
  return entries;
}

Result<ChainedRun> cut_tail(Env& env, const std::string& folder, const Uuid& store,
                            const TermHasher& hasher, const TailCut& cut, HeadCache& heads,
                            const std::atomic<bool>& stop) {
  RunWriter writer(env, folder, store, cut.range, hasher);
  if (auto written = write_run(writer, cut, stop); !written) {
    writer.discard();
    return std::unexpected(std::move(written).error());
  }
  STELE_TRY(RunPtr run, Run::open(env, folder, cut.range, store));
  STELE_TRY(ChainedRun chained, load_filter(std::move(run)));
  keep_heads(cut, heads);
  return chained;
}

}  // namespace stele::log
