// Listings of TermIndexImpl: all terms of a kind, by walking runs and tails side by side.
#include <algorithm>

#include "log/index/run_join.h"
#include "log/index/term_index_impl.h"

namespace stele::log {
namespace {

// Terms looked at under one lock: the core waits for it.
constexpr std::size_t kLookedAtMax = 4096;

/// A term's events summed up from the newest part to the oldest.
class HeadSum {
public:
  void add_older(std::optional<std::int64_t> base, std::int64_t count, const TermHead& head) {
    if (known_) return;
    if (head_.count == 0) head_ = head;
    count_ += count + base.value_or(0);
    known_ = base.has_value();
    head_.count = count_;
  }
  [[nodiscard]] const TermHead& head() const { return head_; }

private:
  TermHead head_;
  std::int64_t count_ = 0;
  bool known_ = false;
};

}  // namespace

/// The terms of a kind in a tail, in a run's order, as they were.
struct TermIndexImpl::SortedTail {
  struct Item {
    TermView term;
    std::optional<std::int64_t> base;
    TermHead head;  // of the events in the tail
  };
  std::vector<Item> items;
  std::size_t next = 0;
  [[nodiscard]] const TermView* term() const {
    return next < items.size() ? &items[next].term : nullptr;
  }
};

TermIndexImpl::SortedTail TermIndexImpl::sorted_tail(const TermTail& tail, TermKind kind,
                                                     const Uuid& topic) const {
  SortedTail sorted;
  for (std::size_t i = 0, end = 0;;) {
    const std::shared_lock lock(*lock_);
    end = std::min(tail.term_count(), i + kLookedAtMax);
    if (i == end) break;
    for (; i < end; ++i) {
      const TailEntry& entry = tail.entry(i);
      const TermView term = tail.term(entry);
      if (term.kind != kind || (has_topic(kind) && term.topic != topic)) continue;
      SortedTail::Item item{.term = term, .base = {}, .head = head_of(entry)};
      if (const std::int64_t base = entry.base(); base != TailEntry::kUnknown) item.base = base;
      sorted.items.push_back(item);
    }
  }
  std::ranges::sort(sorted.items, comes_before, &SortedTail::Item::term);
  return sorted;
}

Result<void> TermIndexImpl::for_each(
    TermKind kind, const Uuid& topic,
    const std::function<bool(const TermView&, const TermHead&)>& each) const {
  const Published view = published();
  std::vector<SortedTail> tails;  // the newest first
  for (const TermTail* tail : view.tails()) tails.push_back(sorted_tail(*tail, kind, topic));
  std::vector<RunPtr> runs;
  for (const ChainedRun& one : *view.chain) runs.push_back(one.run);
  RunJoin join(runs, hasher_);
  // On to the runs' next term of the kind.
  const auto next_in_runs = [&]() -> Result<bool> {
    while (true) {
      STELE_TRY(const bool more, join.next());
      if (!more) return false;
      if (join.term().kind == kind && (!has_topic(kind) || join.term().topic == topic)) return true;
    }
  };
  STELE_TRY(bool in_runs, next_in_runs());
  while (true) {
    const TermView* least = in_runs ? &join.term() : nullptr;
    for (const SortedTail& tail : tails) {
      if (tail.term() != nullptr && (least == nullptr || comes_before(*tail.term(), *least)))
        least = tail.term();
    }
    if (least == nullptr) return {};
    const TermView term = *least;
    HeadSum sum;
    for (SortedTail& tail : tails) {
      if (tail.term() == nullptr || !same_term(*tail.term(), term)) continue;
      const SortedTail::Item& item = tail.items[tail.next++];
      sum.add_older(item.base, item.head.count, item.head);
    }
    const bool of_runs = in_runs && same_term(join.term(), term);
    if (of_runs) {
      for (auto part = join.parts().rbegin(); part != join.parts().rend(); ++part) {
        const RunEntry& entry = (*part)->entry();
        sum.add_older(entry.base, entry.count,
                      {.count = 0, .last = entry.last, .partition = entry.partition});
      }
    }
    if (!each(term, sum.head())) return {};
    if (of_runs) {
      STELE_TRY(in_runs, next_in_runs());
    }
  }
}

}  // namespace stele::log
