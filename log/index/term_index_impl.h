// TermIndex as it is made: the tail, the runs, and the one job that cuts or merges them.
//
//   add() ─► tail ──freeze──► frozen ──job: cut──► newest run ──job: merge, piece by piece──► run
//
// Threads: as TermIndex. `lock_` guards the tail's contents and what is published (tails and
// chain); the core alone changes either. Jobs have copies of what they read and touch nothing of
// this.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "log/index/head_cache.h"
#include "log/index/posting_reader.h"
#include "log/index/run_chain.h"
#include "log/index/run_merge.h"
#include "log/index/tail_cut.h"
#include "log/index/term_index.h"
#include "log/index/term_tail.h"

namespace stele::log {

class TermIndexImpl final : public TermIndex, private BaseSource {
public:
  TermIndexImpl(Env& env, std::string folder, const Uuid& store, TermIndexOptions options,
                RunChain chain);
  ~TermIndexImpl() override;

  [[nodiscard]] const TermHasher& hasher() const override { return hasher_; }
  [[nodiscard]] Position indexed_to() const override;
  void add(const BatchTerms& terms, Position first, std::int32_t partition) override;
  void advance(Position end) override;
  void upkeep(Position durable, Position ids_wanted_from) override;
  Result<void> flush(Position durable) override;
  [[nodiscard]] bool overloaded() const override;
  [[nodiscard]] bool lagging() const override;
  [[nodiscard]] bool running() const override { return job_ != nullptr; }
  void stop() override;

  [[nodiscard]] Result<std::optional<TermHead>> head(const TermView& term) const override;
  [[nodiscard]] bool certainly_none_from(const TermView& term, Position from) const override;
  [[nodiscard]] Result<std::unique_ptr<PostingReader>> postings(
      const TermView& term) const override;
  Result<void> for_each(
      TermKind kind, const Uuid& topic,
      const std::function<bool(const TermView&, const TermHead&)>& each) const override;
  [[nodiscard]] TermIndexStats stats() const override;

private:
  /// What readers take hold of, consistent.
  struct Published {
    std::shared_ptr<TermTail> tail;
    std::shared_ptr<const TermTail> frozen;  ///< null: nothing waits to be cut
    Position frozen_to;
    std::shared_ptr<const RunChain> chain;
    [[nodiscard]] Position runs_end() const {
      return chain->empty() ? Position(0) : chain->back().run->range().to;
    }
    [[nodiscard]] std::vector<const TermTail*> tails() const;  ///< the newest first
  };
  enum class JobKind : std::uint8_t { kCut, kMerge, kRemoval };
  /// Work off the core, held by it as well. Everything but `result` and `stop` is set before it
  /// begins; `result` is read once it is `finished`.
  struct Job {
    std::atomic<bool> stop = false;
    std::atomic<bool> finished = false;
    JobKind kind = JobKind::kCut;
    std::optional<ChainedRun> made;        ///< by a cut or a merge
    std::vector<std::string> not_removed;  ///< paths that are still there
    Result<void> result;
  };
  using JobWork = std::move_only_function<Result<void>(Job&)>;
  struct SortedTail;

  [[nodiscard]] std::int64_t base_of(const TermView& term) const override;
  void prefetch(std::uint64_t hash) const override {
    if (published_.frozen != nullptr) published_.frozen->prefetch(hash);
  }
  [[nodiscard]] Result<TermHead> head_in_runs(const Published& view, const TermView& term) const;
  [[nodiscard]] static TermHead head_of(const TailEntry& entry);
  [[nodiscard]] SortedTail sorted_tail(const TermTail& tail, TermKind kind,
                                       const Uuid& topic) const;
  [[nodiscard]] Published published() const;

  /// Where the tail ends.
  [[nodiscard]] Position tail_end() const;
  void freeze();
  [[nodiscard]] bool can_cut() const {
    return published_.frozen != nullptr && published_.frozen_to <= durable_;
  }
  [[nodiscard]] TailCut planned_cut() const;
  /// Starts what is due, if nothing is under way.
  void start_next();
  void start(JobKind kind, JobWork work);
  void start_cut();
  void start_merge(const MergePick& pick, bool settling);
  /// True if nothing was added for a while, and the last settling is long enough ago.
  [[nodiscard]] bool may_settle();
  void continue_merge();
  void remove_superseded();
  void look_for_damage();
  void finish(const std::shared_ptr<Job>& job);
  void publish_cut(ChainedRun made);
  void publish_merge(ChainedRun made);
  void publish(RunChain chain, bool is_cut);
  void failed(JobKind kind, const Error& error);
  void succeeded();

  Env& env_;
  const std::string folder_;
  const Uuid store_;
  const TermIndexOptions options_;
  const TermHasher hasher_;
  const std::shared_ptr<HeadCache> heads_;
  const std::shared_ptr<PagePool>
      pool_;  ///< of the tails: a cut one's memory is the next but one's

  const std::shared_ptr<std::shared_mutex> lock_;
  Published published_;

  // The core's.
  Position told_end_;
  Position durable_;
  Position ids_wanted_from_;
  bool stopped_ = false;
  bool flushing_ = false;                                             ///< nothing new is started
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for `done` of a job
  std::shared_ptr<Job> job_;
  std::shared_ptr<RunMerge> merge_;
  std::vector<std::string> superseded_;  // paths to remove
  std::vector<RunPtr> damaged_;          // reported already
  std::chrono::nanoseconds retry_at_{0};
  Position seen_end_;  ///< told_end_ when it was last seen to move, and when that was
  std::chrono::nanoseconds moved_at_{0};
  std::chrono::nanoseconds settling_since_{0};  ///< if merge_ is a settling
  std::chrono::nanoseconds settle_at_{0};       ///< not before

  mutable std::atomic<std::int64_t> block_reads_ = 0;
  std::atomic<std::int64_t> merges_ = 0;
  std::atomic<std::int64_t> cuts_ = 0;
  mutable std::mutex failure_mutex_;
  std::string last_failure_;
  std::string damage_;  ///< stays
};

}  // namespace stele::log
