#include "log/index/term_index.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/index/term_index_impl.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kOverloadFactor = 4;

/// A term's postings in a tail, as many as there were.
class TailPieces final : public PostingPieces {
public:
  TailPieces(std::shared_ptr<const TermTail> tail, std::shared_ptr<std::shared_mutex> lock,
             const TailEntry& entry, std::int64_t count)
      : tail_(std::move(tail)), lock_(std::move(lock)), entry_(entry), count_(count) {}

  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] Result<PostingPiece> by_index(std::int64_t index) const override {
    const std::shared_lock lock(*lock_);
    return tail_->piece_by_index(entry_, index, count_);
  }
  [[nodiscard]] Result<PostingPiece> by_position(Position position) const override {
    const std::shared_lock lock(*lock_);
    return tail_->piece_by_position(entry_, position, count_);
  }

private:
  std::shared_ptr<const TermTail> tail_;
  std::shared_ptr<std::shared_mutex> lock_;
  const TailEntry& entry_;  // of tail_
  std::int64_t count_;
};

}  // namespace

Result<std::unique_ptr<TermIndex>> TermIndex::open(Env& env, std::string folder, const Uuid& store,
                                                   TermIndexOptions options) {
  STELE_DO(env.make_folder(folder));
  // So that a run does not vanish together with its folder.
  if (const auto slash = folder.rfind('/'); slash != std::string::npos && slash > 0)
    STELE_DO(env.sync_folder(folder.substr(0, slash)));
  STELE_TRY(RunChain chain, open_chain(env, folder, store, options.end_max));
  return std::make_unique<TermIndexImpl>(env, std::move(folder), store, options, std::move(chain));
}

TermIndexImpl::TermIndexImpl(Env& env, std::string folder, const Uuid& store,
                             TermIndexOptions options, RunChain chain)
    : env_(env),
      folder_(std::move(folder)),
      store_(store),
      options_(options),
      hasher_(mix_seed(store.high(), store.low()), options.hash_mask),
      heads_(std::make_shared<HeadCache>(options.cache_bytes_max)),
      pool_(std::make_shared<PagePool>(2 * options.tail_bytes_max)),
      lock_(std::make_shared<std::shared_mutex>()) {
  published_.chain = std::make_shared<const RunChain>(std::move(chain));
  told_end_ = published_.runs_end();
  published_.tail = std::make_shared<TermTail>(told_end_, options_.tail_bytes_max, 0, pool_);
}

// A job under way goes on with what it holds; nobody waits for what it finds.
TermIndexImpl::~TermIndexImpl() {
  if (job_ != nullptr) job_->stop.store(true);
}

std::vector<const TermTail*> TermIndexImpl::Published::tails() const {
  std::vector<const TermTail*> tails{tail.get()};
  if (frozen != nullptr) tails.push_back(frozen.get());
  return tails;
}

TermIndexImpl::Published TermIndexImpl::published() const {
  const std::shared_lock lock(*lock_);
  return published_;
}

Position TermIndexImpl::indexed_to() const {
  return published_.runs_end();
}

void TermIndexImpl::add(const BatchTerms& terms, Position first, std::int32_t partition) {
  if (terms.empty()) return;
  const std::unique_lock lock(*lock_);
  published_.tail->add(terms, first, partition, *this);
}

void TermIndexImpl::advance(Position end) {
  STELE_CHECK(end >= told_end_);
  told_end_ = end;
}

bool TermIndexImpl::overloaded() const {
  std::uint64_t bytes = published_.tail->used_bytes();
  if (published_.frozen != nullptr) bytes += published_.frozen->used_bytes();
  return bytes > kOverloadFactor * options_.tail_bytes_max;
}

bool TermIndexImpl::lagging() const {
  if (job_ == nullptr || stopped_) return false;
  // A settling may take minutes: nobody waits for it.
  const bool merging =
      merge_ != nullptr && settling_since_.count() == 0 && published_.chain->size() > kRunsMax;
  const bool cutting = published_.frozen != nullptr && can_cut() &&
                       published_.tail->used_bytes() > options_.tail_bytes_max;
  return merging || cutting;
}

// Called by the tail while something is added: the lock is held.
std::int64_t TermIndexImpl::base_of(const TermView& term) const {
  if (published_.frozen != nullptr) {
    if (const TailEntry* entry = published_.frozen->find(term)) {
      const std::int64_t base = entry->base();
      return base == TailEntry::kUnknown ? base : base + entry->count;
    }
  }
  if (published_.chain->empty()) return 0;
  const auto known = heads_->find(term);
  return known && known->as_of >= published_.runs_end() ? known->head.count : TailEntry::kUnknown;
}

TermHead TermIndexImpl::head_of(const TailEntry& entry) {
  return {.count = entry.count, .last = entry.last, .partition = entry.partition};
}

Result<std::optional<TermHead>> TermIndexImpl::head(const TermView& term) const {
  std::optional<TermHead> newest;
  std::int64_t newer_count = 0;
  struct Unknown {
    const TailEntry* entry;
    std::int64_t count;
  };
  std::vector<Unknown> unknown;  // the newest first
  Published view;
  {
    const std::shared_lock lock(*lock_);
    for (const TermTail* tail :
         {static_cast<const TermTail*>(published_.tail.get()), published_.frozen.get()}) {
      const TailEntry* entry = tail == nullptr ? nullptr : tail->find(term);
      if (entry == nullptr) continue;
      entry->set_asked();
      const std::int64_t base = entry->base();
      if (!newest) newest = head_of(*entry);
      newer_count += entry->count;
      if (base != TailEntry::kUnknown) {
        newest->count = base + newer_count;
        return newest;
      }
      unknown.push_back({.entry = entry, .count = entry->count});
    }
    if (published_.chain->empty()) return newest;
    view = published_;
  }
  STELE_TRY(const TermHead older, head_in_runs(view, term));
  std::int64_t base = older.count;
  for (auto one = unknown.rbegin(); one != unknown.rend(); ++one) {
    one->entry->set_base(base);
    base += one->count;
  }
  if (!newest) newest = older;
  newest->count = base;
  if (base == 0) return std::nullopt;
  return newest;
}

// What the runs know; a count of 0: nothing.
Result<TermHead> TermIndexImpl::head_in_runs(const Published& view, const TermView& term) const {
  std::optional<TermHead> newest;
  std::int64_t count = 0;
  auto cached = heads_->find(term);
  const Position end = view.runs_end();
  if (cached && cached->as_of > end) cached.reset();  // it counts what the tails told already
  for (auto one = view.chain->rbegin(); one != view.chain->rend(); ++one) {
    if (cached && cached->as_of >= one->run->range().to) {
      if (!newest) newest = cached->head;
      count += cached->head.count;
      break;
    }
    // A merged run that begins before it counts some of its events again.
    if (cached && cached->as_of > one->run->range().from) cached.reset();
    STELE_TRY(const bool maybe, one->may_hold(term.hash));
    if (!maybe) continue;
    STELE_TRY(const auto found, one->run->find(term, block_reads_));
    if (!found) continue;
    const RunEntry& entry = found->entry;
    if (!newest) newest = {.count = 0, .last = entry.last, .partition = entry.partition};
    count += entry.count;
    if (!entry.base) continue;
    count += *entry.base;
    break;
  }
  TermHead head = newest.value_or(TermHead{});
  head.count = count;
  if (!cached || cached->as_of < end) heads_->put(term, {.head = head, .as_of = end});
  return head;
}

bool TermIndexImpl::certainly_none_from(const TermView& term, Position from) const {
  std::shared_ptr<const RunChain> chain;
  {
    const std::shared_lock lock(*lock_);
    for (const TermTail* tail :
         {static_cast<const TermTail*>(published_.tail.get()), published_.frozen.get()}) {
      if (tail == nullptr) continue;
      if (const TailEntry* entry = tail->find(term)) return entry->last < from;
      if (tail->from() <= from) return true;
    }
    chain = published_.chain;
  }
  const auto cached = heads_->find(term);
  for (auto one = chain->rbegin(); one != chain->rend() && one->run->range().to > from; ++one) {
    if (cached && cached->as_of >= one->run->range().to)
      return cached->head.count == 0 || cached->head.last < from;
    if (one->may_hold_cached(term.hash)) return false;
  }
  return true;
}

Result<std::unique_ptr<PostingReader>> TermIndexImpl::postings(const TermView& term) const {
  std::vector<StretchSource> sources;
  Published view;
  {
    const std::shared_lock lock(*lock_);
    view = published_;
    for (const auto& tail : {std::shared_ptr<const TermTail>(view.tail), view.frozen}) {
      const TailEntry* entry = tail == nullptr ? nullptr : tail->find(term);
      if (entry == nullptr) continue;
      auto find = [tail, lock = lock_, entry,
                   count = std::int64_t{entry->count}]() -> Result<std::optional<PostingStretch>> {
        PostingStretch stretch{.pieces = std::make_unique<TailPieces>(tail, lock, *entry, count)};
        if (const std::int64_t base = entry->base(); base != TailEntry::kUnknown)
          stretch.base = base;
        return stretch;
      };
      sources.push_back({.end = Position(INT64_MAX), .find = std::move(find)});
    }
  }
  auto owned =
      std::make_shared<const Term>(Term{.kind = term.kind,
                                        .topic = term.topic,
                                        .bytes = Bytes(term.bytes.begin(), term.bytes.end()),
                                        .hash = term.hash});
  for (auto one = view.chain->rbegin(); one != view.chain->rend(); ++one) {
    auto find = [run = *one, owned]() -> Result<std::optional<PostingStretch>> {
      STELE_TRY(const bool maybe, run.may_hold(owned->hash));
      if (!maybe) return std::nullopt;
      std::atomic<std::int64_t> reads;
      STELE_TRY(auto found, run.run->find(owned->view(), reads));
      if (!found) return std::nullopt;
      PostingStretch stretch{.base = found->entry.base,
                             .keeps_all = owned->kind != TermKind::kEventId};
      stretch.pieces = std::make_unique<RunPieces>(run.run, *std::move(found));
      return stretch;
    };
    sources.push_back({.end = one->run->range().to, .find = std::move(find)});
  }
  return StretchedPostings::open(std::move(sources));
}

TermIndexStats TermIndexImpl::stats() const {
  const Published view = published();
  TermIndexStats stats;
  stats.run_count = static_cast<std::int64_t>(view.chain->size());
  for (const ChainedRun& one : *view.chain) {
    stats.run_bytes += one.run->file_bytes();
    stats.unsettled_terms += static_cast<std::int64_t>(one.run->footer().unknown_bases);
  }
  {
    const std::shared_lock lock(*lock_);
    for (const TermTail* tail : view.tails()) {
      stats.tail_bytes += tail->used_bytes();
      stats.tail_terms += static_cast<std::int64_t>(tail->term_count());
    }
  }
  stats.merges = merges_;
  stats.cuts = cuts_;
  stats.cache_bytes = heads_->used_bytes();
  stats.block_reads = block_reads_;
  stats.indexed_to = view.runs_end();
  const std::scoped_lock lock(failure_mutex_);
  stats.last_failure = damage_.empty() ? last_failure_ : damage_;
  return stats;
}

}  // namespace stele::log
