#include "log/index/tail_cut.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/index/filter_scan.h"
#include "log/index/run_writer.h"

namespace stele::log {
namespace {

constexpr std::size_t kAhead = 12;  // entries whose memory is fetched before they are written

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
  const std::vector<const TailEntry*> entries = cut.tail->sorted();
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
