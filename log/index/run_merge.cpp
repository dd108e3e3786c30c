#include "log/index/run_merge.h"

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kStepBlocks = 2048;
constexpr std::int64_t kStepTerms = 100'000;

/// Events before the oldest part, if any part knows.
std::optional<std::int64_t> joined_base(const std::vector<RunCursor*>& parts, Position from) {
  if (from == Position(0)) return 0;
  std::int64_t before = 0;
  for (const RunCursor* part : parts) {
    if (part->entry().base) return *part->entry().base - before;
    before += part->entry().count;
  }
  return std::nullopt;
}

}  // namespace

RunMerge::RunMerge(Env& env, const std::string& folder, const Uuid& store, const TermHasher& hasher,
                   std::vector<RunPtr> inputs, Position ids_wanted_from)
    : inputs_(std::move(inputs)),
      ids_wanted_from_(ids_wanted_from),
      join_(inputs_, hasher),
      writer_(env, folder, store,
              {.from = inputs_.front()->range().from, .to = inputs_.back()->range().to}, hasher) {
  STELE_CHECK(inputs_.size() >= 2);
  for (std::size_t i = 1; i < inputs_.size(); ++i)
    STELE_CHECK(inputs_[i - 1]->range().to == inputs_[i]->range().from);
}

Result<bool> RunMerge::step(const std::atomic<bool>& stop) {
  if (!begun_) STELE_DO(writer_.begin());
  begun_ = true;
  const std::uint64_t blocks_max = writer_.written_blocks() + kStepBlocks;
  for (std::int64_t terms = 0; !joined_; ++terms) {
    if (stop.load() || terms == kStepTerms || writer_.written_blocks() >= blocks_max) return false;
    STELE_TRY(const bool more, join_.next());
    joined_ = !more;
    if (more) STELE_DO(write_term(stop));
  }
  STELE_TRY(const bool filtered, writer_.write_filter(kStepBlocks));
  if (!filtered || stop.load()) return false;
  STELE_DO(writer_.commit());
  return true;
}

Result<void> RunMerge::write_term(const std::atomic<bool>& stop) {
  const auto& parts = join_.parts();
  const RunEntry& newest = parts.back()->entry();
  if (newest.kind == TermKind::kEventId && newest.last < ids_wanted_from_) return {};
  const auto base = joined_base(parts, writer_.range().from);
  if (base && *base < 0) return fail(Code::kCorrupt, "runs count a term's events in two ways");
  writer_.begin_term(join_.term(), base, newest.partition);
  for (const RunCursor* part : parts) {
    STELE_DO(part->copy_postings(writer_, stop));
    if (stop.load()) return {};  // the rest of the term is missing: nothing is committed any more
  }
  return writer_.end_term();
}

}  // namespace stele::log
