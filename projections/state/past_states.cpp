#include "projections/state/past_states.h"

#include <algorithm>
#include <mutex>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "projections/state/snapshot_file.h"
#include "projections/state/snapshot_folder.h"
#include "projections/state/sqlite_states.h"
#include "projections/state/state_folder.h"

namespace stele::projections {
namespace {

/// What was committed when it was opened; SQLite keeps it until this is destroyed.
class SqlitePast final : public PastStates {
public:
  SqlitePast(std::unique_ptr<SqliteStates> states, Mark mark)
      : states_(std::move(states)), mark_(std::move(mark)) {}

  [[nodiscard]] const Mark& mark() const override { return mark_; }
  [[nodiscard]] Result<std::optional<Bytes>> find(std::size_t fold, const Key& key) const override {
    STELE_CHECK(fold < states_->folds().size());
    const std::scoped_lock hold(lock_);
    STELE_TRY(const auto state, states_->get(fold, key));
    if (!state.has_value()) return std::nullopt;
    return Bytes(state->begin(), state->end());
  }
  Result<void> for_each(
      std::size_t fold,
      const std::function<Result<void>(ByteView key, ByteView state)>& visit) const override {
    STELE_CHECK(fold < states_->folds().size());
    const std::scoped_lock hold(lock_);
    return states_->for_each(
        fold, [&](const Key& key, ByteView state) { return visit(key.bytes, state); });
  }

private:
  mutable std::mutex lock_;  // of the one connection
  std::unique_ptr<SqliteStates> states_;
  Mark mark_;
};

Result<std::unique_ptr<PastStates>> open_sqlite_past(const std::string& folder) {
  STELE_TRY(auto states, SqliteStates::open_past(path_in(folder, kSqliteName)));
  STELE_TRY(std::optional<Mark> mark, states->mark());
  if (!mark.has_value()) return fail(Code::kNotFound, "{}: nothing was committed yet", folder);
  return std::make_unique<SqlitePast>(std::move(states), *std::move(mark));
}

/// One that is gone, damaged or of a newer build does not count.
bool is_left_out(Code code) {
  return code == Code::kNotFound || code == Code::kCorrupt || code == Code::kUnsupported;
}

}  // namespace

Result<std::vector<std::unique_ptr<PastStates>>> list_past(Env& env, const std::string& folder) {
  std::vector<std::unique_ptr<PastStates>> past;
  const auto entries = env.list(folder);
  if (!entries && entries.error().code == Code::kNotFound) return past;
  if (!entries) return std::unexpected(entries.error());
  for (const FolderEntry& entry : *entries) {
    if (!snapshot_event_count(entry.name).has_value()) continue;
    auto snapshot = SnapshotFile::open(env, path_in(folder, entry.name));
    if (snapshot) {
      past.push_back(*std::move(snapshot));
    } else if (!is_left_out(snapshot.error().code)) {
      return std::unexpected(std::move(snapshot).error());
    }
  }
  if (std::ranges::find(*entries, kSqliteName, &FolderEntry::name) != entries->end()) {
    auto committed = open_sqlite_past(folder);
    if (committed) {
      past.push_back(*std::move(committed));
    } else if (!is_left_out(committed.error().code)) {
      return std::unexpected(std::move(committed).error());
    }
  }
  std::ranges::sort(past, std::ranges::greater{},
                    [](const auto& states) { return states->mark().event_count; });
  return past;
}

}  // namespace stele::projections
