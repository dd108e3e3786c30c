#include "log/index/run_merge.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kStepBlocks = 2048;
constexpr std::int64_t kStepTerms = 100'000;

/// Events before the oldest part, if any knows.
std::optional<std::int64_t> known_base(std::span<RunCursor* const> parts) {
  std::int64_t before = 0;
  for (const RunCursor* part : parts) {
    if (part->entry().base) return *part->entry().base - before;
    before += part->entry().count;
  }
  return std::nullopt;
}

/// Events up to the newest part; the oldest one has all that were before it.
std::int64_t count_up_to(std::span<RunCursor* const> parts) {
  std::int64_t count = 0;
  for (std::size_t i = parts.size(); i > 0; --i) {
    const RunEntry& entry = parts[i - 1]->entry();
    count += entry.count;
    if (entry.base) return count + *entry.base;
  }
  return count;
}

std::vector<RunPtr> all_of(const RunMerge::Plan& plan) {
  std::vector<RunPtr> runs = plan.older;
  runs.insert(runs.end(), plan.inputs.begin(), plan.inputs.end());
  return runs;
}

}  // namespace

RunMerge::RunMerge(Env& env, const std::string& folder, const Uuid& store, const TermHasher& hasher,
                   Plan plan)
    : plan_(std::move(plan)),
      join_(all_of(plan_), hasher),
      writer_(env, folder, store,
              {.from = plan_.inputs.front()->range().from, .to = plan_.inputs.back()->range().to},
              hasher) {
  const std::vector<RunPtr> runs = all_of(plan_);
  for (std::size_t i = 1; i < runs.size(); ++i)
    STELE_CHECK(runs[i - 1]->range().to == runs[i]->range().from);
  STELE_CHECK(plan_.older.empty() || plan_.older.front()->range().from == Position(0));
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

Result<std::optional<std::int64_t>> RunMerge::base_of(Parts older, Parts inputs) const {
  const auto known = known_base(inputs);
  std::optional<std::int64_t> base = known;
  if (writer_.range().from == Position(0)) {
    base = 0;
  } else if (!plan_.older.empty()) {
    base = count_up_to(older);
  }
  // Event ids may have been dropped from some of the runs.
  const bool adds_up = !known || known == base || inputs.front()->term().kind == TermKind::kEventId;
  if (!adds_up || base.value_or(0) < 0)
    return fail(Code::kCorrupt, "runs count a term's events in two ways");
  return base;
}

Result<void> RunMerge::write_term(const std::atomic<bool>& stop) {
  const Parts parts = join_.parts();
  const auto first_input =
      std::ranges::lower_bound(parts, plan_.older.size(), {}, &RunCursor::number);
  const Parts older(parts.begin(), first_input);
  const Parts inputs(first_input, parts.end());
  if (inputs.empty()) return {};
  const RunEntry& newest = inputs.back()->entry();
  if (newest.kind == TermKind::kEventId && newest.last < plan_.ids_wanted_from) return {};
  STELE_TRY(const auto base, base_of(older, inputs));
  writer_.begin_term(join_.term(), base, newest.partition);
  for (const RunCursor* part : inputs) {
    STELE_DO(part->copy_postings(writer_, stop));
    if (stop.load()) return {};  // the rest of the term is missing: nothing is committed any more
  }
  return writer_.end_term();
}

}  // namespace stele::log
