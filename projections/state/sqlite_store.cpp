#include "projections/state/sqlite_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "projections/fold/state_box.h"
#include "projections/state/cached_shard.h"
#include "projections/state/sqlite_file.h"
#include "projections/state/state_folder.h"

namespace stele::projections {
namespace {

struct Fold {
  Fold(const Definition& of, ChunkPool& pool) : definition(of) {
    for (auto& shard : shards) shard = std::make_unique<CachedShard>(of.state, pool);
  }

  const Definition& definition;
  std::array<std::unique_ptr<CachedShard>, kShardCount> shards;
  std::atomic<std::uint64_t> key_count{0};
};

class SqliteCachedStates final : public StateStore {
public:
  SqliteCachedStates(Env& env, SqliteFile file, std::unique_ptr<FolderLock> lock,
                     const std::vector<const Definition*>& folds, SqliteStore options)
      : env_(env), file_(std::move(file)), lock_(std::move(lock)), options_(options) {
    for (const Definition* definition : folds)
      folds_.push_back(std::make_unique<Fold>(*definition, pool_));
    shard_bytes_max_ =
        options_.cache_bytes_max / (kShardCount * std::max<std::size_t>(1, folds.size()));
  }

  Result<std::optional<Mark>> restore() override;
  void clear() override;
  Result<void*> open(std::size_t fold, const Key& key, bool undoable) override;
  void close(std::size_t fold, const Key& key, Verdict verdict, std::int64_t place) override;
  Result<const void*> find(std::size_t fold, const Key& key) override;
  Result<void> read(std::size_t fold, const Key& key,
                    const std::function<void(const void*, std::int64_t)>& visit) const override;
  Result<void> commit(const Mark& mark, bool force) override;
  Result<void> dump(std::size_t fold,
                    const std::function<void(ByteView, const void*)>& visit) const override;
  [[nodiscard]] StateStoreStats stats() const override;

private:
  [[nodiscard]] CachedShard& shard_of(std::size_t fold, const Key& key) const {
    return *folds_[fold]->shards[key.shard()];
  }
  [[nodiscard]] const StateType& type_of(std::size_t fold) const {
    return folds_[fold]->definition.state;
  }
  [[nodiscard]] Result<void> check_usable() const;
  void forget();
  /// The file's state of the key, put into the cache; kNone: it has none.
  Result<StateTable::Ref> load(std::size_t fold, CachedShard& shard, const Key& key);
  /// Writes what is dirty, uncommitted, and lets go of what was not used lately.
  Result<void> make_room(std::size_t fold, CachedShard& shard);
  Result<void> empty_too_full();
  Result<void> write_dirty(std::size_t fold, CachedShard& shard);
  Result<void> try_commit(const Mark& mark);
  /// What is committed survives power loss.
  Result<void> sync();
  /// Which states are whole after an error of the file. Passes the error on.
  std::unexpected<Error> failed(Error error) const;

  Env& env_;
  mutable SqliteFile file_;
  std::unique_ptr<FolderLock> lock_;
  SqliteStore options_;
  std::uint64_t shard_bytes_max_;
  ChunkPool pool_;
  std::vector<std::unique_ptr<Fold>> folds_;
  /// Shards that find() has filled too full: it may not let go of what it has just given. Flows
  /// that look things up have one lane; with several, nothing is ever in it.
  std::vector<std::pair<std::size_t, CachedShard*>> too_full_;

  /// The file with all that follows; taken behind a shard's lock, never before.
  mutable std::mutex file_lock_;
  std::unique_ptr<SqliteStates> states_;
  mutable bool spilled_ = false;  ///< changes are in the open transaction alone
  mutable bool lost_ = false;     ///< and have been rolled back
  std::optional<Mark> committed_;
  bool synced_ = false;
  bool folder_is_durable_ = false;  ///< with the files in it
  StateStoreStats stats_;
};

Result<void> SqliteCachedStates::check_usable() const {
  if (states_ == nullptr || lost_)
    return fail(Code::kClosed, "{}: changes were lost by an error: restore first", file_.folder());
  return {};
}

std::unexpected<Error> SqliteCachedStates::failed(Error error) const {
  if (error.code == Code::kCorrupt) file_.note_damage();
  if (!spilled_) {
    states_->roll_back();  // everything is in the cache still
  } else if (!states_->in_transaction()) {
    lost_ = true;
  }
  return std::unexpected(std::move(error));
}

void SqliteCachedStates::forget() {
  for (const auto& fold : folds_) {
    for (const auto& shard : fold->shards) {
      const std::scoped_lock hold(shard->lock);
      shard->clear();
    }
    fold->key_count = 0;
  }
  too_full_.clear();
}

Result<std::optional<Mark>> SqliteCachedStates::restore() {
  forget();
  const std::scoped_lock hold(file_lock_);
  states_.reset();
  committed_.reset();
  spilled_ = false;
  lost_ = false;
  synced_ = false;
  folder_is_durable_ = false;
  std::vector<SnapshotFold> described;
  for (const auto& fold : folds_) {
    const Definition& of = fold->definition;
    described.push_back({.name = of.name, .version = of.version, .shape = of.state.shape});
  }
  STELE_TRY(SqliteFile::Opened opened, file_.open(described));
  states_ = std::move(opened.states);
  committed_ = std::move(opened.mark);
  for (std::size_t i = 0; i < folds_.size(); ++i)
    folds_[i]->key_count = states_->folds()[i].key_count;
  if (!opened.passed_over.empty()) {
    env_.report(Severity::kWarn, fmt::format("states_set_aside reason=\"{}\"", opened.passed_over));
    stats_.passed_over.push_back(std::move(opened.passed_over));
  }
  return committed_;
}

void SqliteCachedStates::clear() {
  forget();
  const std::scoped_lock hold(file_lock_);
  committed_.reset();
  if (states_ == nullptr) return;
  states_->roll_back();
  spilled_ = true;
  lost_ = !states_->clear().has_value();
}

Result<StateTable::Ref> SqliteCachedStates::load(std::size_t fold, CachedShard& shard,
                                                 const Key& key) {
  const std::scoped_lock hold(file_lock_);
  STELE_DO(check_usable());
  auto stored = states_->get(fold, key);
  if (!stored) return failed(std::move(stored).error());
  if (!stored->has_value()) return StateTable::kNone;
  const StateTable::Found found = shard.table.find_or_insert(key);
  if (found.ref == StateTable::kNone)
    return fail(Code::kTooLarge, "{}: too many keys cached", folds_[fold]->definition.name);
  shard.saw_bytes((*stored)->size());
  if (auto read = type_of(fold).decode(**stored, shard.table.state(found.ref)); !read) {
    shard.table.erase(key, found.ref);
    return failed(std::move(read).error());
  }
  return found.ref;
}

Result<void> SqliteCachedStates::empty_too_full() {
  for (const auto& [fold, shard] : std::exchange(too_full_, {})) {
    const std::scoped_lock hold(shard->lock);
    STELE_DO(make_room(fold, *shard));
  }
  return {};
}

Result<void*> SqliteCachedStates::open(std::size_t fold, const Key& key, bool undoable) {
  if (!too_full_.empty()) STELE_DO(empty_too_full());
  CachedShard& shard = shard_of(fold, key);
  std::unique_lock hold(shard.lock);
  STELE_DO(make_room(fold, shard));
  StateTable::Ref ref = shard.table.find(key);
  if (ref == StateTable::kNone) {
    STELE_TRY(ref, load(fold, shard, key));
  }
  shard.open = {.ref = ref, .fresh = false};
  if (ref == StateTable::kNone) shard.open = shard.table.find_or_insert(key);
  if (shard.open.ref == StateTable::kNone)
    return fail(Code::kTooLarge, "{}: a key of {} bytes", folds_[fold]->definition.name,
                key.bytes.size());
  void* const state = shard.table.state(shard.open.ref);
  const bool there = !shard.open.fresh && !shard.is(shard.open.ref, CachedShard::kAbsent);
  if (undoable && there) shard.undo.take(type_of(fold), state);
  hold.release();  // until close()
  return state;
}

void SqliteCachedStates::close(std::size_t fold, const Key& key, Verdict verdict,
                               std::int64_t place) {
  CachedShard& shard = shard_of(fold, key);
  const std::unique_lock hold(shard.lock, std::adopt_lock);
  folds_[fold]->key_count += static_cast<std::uint64_t>(shard.close(key, verdict));
  if (verdict != Verdict::kUndo) shard.last_place = place;
}

Result<const void*> SqliteCachedStates::find(std::size_t fold, const Key& key) {
  CachedShard& shard = shard_of(fold, key);
  const std::scoped_lock hold(shard.lock);
  StateTable::Ref ref = shard.table.find(key);
  if (ref == StateTable::kNone) {
    STELE_TRY(ref, load(fold, shard, key));
    if (ref == StateTable::kNone) return nullptr;
    if (shard.cached_bytes() > shard_bytes_max_) too_full_.emplace_back(fold, &shard);
  }
  if (shard.is(ref, CachedShard::kAbsent)) return nullptr;
  shard.add_flag(ref, CachedShard::kUsed);
  return shard.table.state(ref);
}

Result<void> SqliteCachedStates::read(
    std::size_t fold, const Key& key,
    const std::function<void(const void*, std::int64_t)>& visit) const {
  CachedShard& shard = shard_of(fold, key);
  const std::scoped_lock hold(shard.lock);
  const StateTable::Ref ref = shard.table.find(key);
  if (ref != StateTable::kNone) {
    const bool absent = shard.is(ref, CachedShard::kAbsent);
    visit(absent ? nullptr : shard.table.state(ref), shard.last_place);
    return {};
  }
  std::optional<StateBox> state;
  {
    const std::scoped_lock file_hold(file_lock_);
    STELE_DO(check_usable());
    auto stored = states_->get(fold, key);
    if (!stored) return failed(std::move(stored).error());
    if (stored->has_value()) {
      state.emplace(type_of(fold));
      STELE_DO(state->decode(**stored));
    }
  }
  visit(state.has_value() ? state->data() : nullptr, shard.last_place);
  return {};
}

Result<void> SqliteCachedStates::make_room(std::size_t fold, CachedShard& shard) {
  if (shard.cached_bytes() <= shard_bytes_max_) return {};
  if (!shard.dirty().empty()) {
    const std::scoped_lock hold(file_lock_);
    STELE_DO(check_usable());
    STELE_DO(write_dirty(fold, shard));
    spilled_ = true;
    shard.written();
  }
  shard.let_go(shard_bytes_max_ / 8 * 7);
  return {};
}

Result<void> SqliteCachedStates::write_dirty(std::size_t fold, CachedShard& shard) {
  Bytes encoded;
  for (const StateTable::Ref ref : shard.sorted_dirty()) {
    const Key key(shard.table.key(ref));
    Result<void> written;
    if (shard.is(ref, CachedShard::kAbsent)) {
      written = states_->drop(fold, key);
    } else {
      encoded.clear();
      type_of(fold).encode(shard.table.state(ref), encoded);
      shard.saw_bytes(encoded.size());
      written = states_->put(fold, key, encoded);
    }
    if (!written) return failed(std::move(written).error());
  }
  return {};
}

Result<void> SqliteCachedStates::commit(const Mark& mark, bool force) {
  std::unique_lock hold(file_lock_);
  STELE_DO(check_usable());
  const std::uint64_t committed_count = committed_.has_value() ? committed_->event_count : 0;
  const bool due = mark.event_count - committed_count >= options_.commit_every;
  if (!force && (committed_ == mark || !due)) return {};
  const std::chrono::nanoseconds begin = env_.now();
  if (committed_ != mark || spilled_) {
    STELE_DO(try_commit(mark));
    hold.unlock();
    for (const auto& fold : folds_) {
      for (const auto& shard : fold->shards) {
        const std::scoped_lock shard_hold(shard->lock);
        shard->written();
      }
    }
    hold.lock();
  }
  Result<void> done;
  if (force && !synced_) done = sync();
  stats_.commit_took += env_.now() - begin;
  return done;
}

Result<void> SqliteCachedStates::try_commit(const Mark& mark) {
  std::vector<std::uint64_t> key_counts;
  for (std::size_t i = 0; i < folds_.size(); ++i) {
    for (const auto& shard : folds_[i]->shards) STELE_DO(write_dirty(i, *shard));
    key_counts.push_back(folds_[i]->key_count);
  }
  if (auto done = states_->commit(mark, key_counts); !done) return failed(std::move(done).error());
  spilled_ = false;
  committed_ = mark;
  synced_ = false;
  stats_.snapshot_count += 1;
  stats_.snapshot_taken_us = env_.wall_us();
  if (const auto bytes = states_->file_bytes(); bytes) stats_.snapshot_bytes = *bytes;
  return {};
}

Result<void> SqliteCachedStates::sync() {
  if (!folder_is_durable_) {
    STELE_DO(sync_state_folder(env_, file_.folder()));
    STELE_DO(env_.sync_folder(file_.folder()));
    folder_is_durable_ = true;
  }
  STELE_DO(states_->sync());
  synced_ = true;
  return {};
}

Result<void> SqliteCachedStates::dump(
    std::size_t fold, const std::function<void(ByteView, const void*)>& visit) const {
  // Two lists in one order: what the file holds, and what the cache knows better.
  DirtyStates newer;
  for (const auto& shard : folds_[fold]->shards) newer.add(*shard);
  StateBox state(type_of(fold));
  const std::scoped_lock hold(file_lock_);
  STELE_DO(check_usable());
  STELE_DO(states_->for_each(fold, [&](const Key& key, ByteView stored) -> Result<void> {
    newer.visit_below(key, visit);
    if (newer.pass(key, visit)) return {};
    STELE_DO(state.decode(stored));
    visit(key.bytes, state.data());
    return {};
  }));
  newer.visit_rest(visit);
  return {};
}

StateStoreStats SqliteCachedStates::stats() const {
  StateStoreStats stats;
  {
    const std::scoped_lock hold(file_lock_);
    stats = stats_;
  }
  for (const auto& fold : folds_) {
    stats.key_count += fold->key_count;
    for (const auto& shard : fold->shards) stats.memory_bytes += shard->table.memory_bytes();
  }
  return stats;
}

}  // namespace

Result<std::unique_ptr<StateStore>> open_sqlite_store(Env& env, std::string folder,
                                                      std::vector<const Definition*> folds,
                                                      SqliteStore options) {
  STELE_TRY(std::unique_ptr<FolderLock> lock, take_state_folder(env, folder));
  return std::make_unique<SqliteCachedStates>(env, SqliteFile(env, std::move(folder)),
                                              std::move(lock), folds, options);
}

}  // namespace stele::projections
