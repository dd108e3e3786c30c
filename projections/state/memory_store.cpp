#include "projections/state/memory_store.h"

#include <array>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "projections/state/shard_lock.h"
#include "projections/state/snapshot_file.h"
#include "projections/state/snapshot_folder.h"
#include "projections/state/snapshot_writer.h"
#include "projections/state/state_folder.h"
#include "projections/state/state_table.h"
#include "projections/state/undo_copy.h"

namespace stele::projections {
namespace {

/// Snapshots take at most one part in so many of the time.
constexpr int kPauseFactor = 20;

struct alignas(64) Shard {
  Shard(const StateType& type, ChunkPool& pool) : table(type, pool) {}

  mutable ShardLock lock;
  std::int64_t last_place = -1;
  StateTable table;
  UndoCopy undo;
  StateTable::Found open;  ///< ref is kNone: nothing is
};

struct Fold {
  Fold(const Definition& of, ChunkPool& pool) : definition(of) {
    for (auto& shard : shards) shard = std::make_unique<Shard>(of.state, pool);
  }

  const Definition& definition;
  std::array<std::unique_ptr<Shard>, kShardCount> shards;
};

class MemoryStates final : public StateStore {
public:
  MemoryStates(Env& env, SnapshotFolder folder, std::unique_ptr<FolderLock> lock,
               const std::vector<const Definition*>& folds, MemoryStore options)
      : env_(env), folder_(std::move(folder)), lock_(std::move(lock)), options_(options) {
    for (const Definition* definition : folds)
      folds_.push_back(std::make_unique<Fold>(*definition, pool_));
  }

  Result<std::optional<Mark>> restore() override;
  void clear() override;
  Result<void*> open(std::size_t fold, const Key& key, bool undoable) override;
  void close(std::size_t fold, const Key& key, Verdict verdict, std::int64_t place) override;
  void prefetch(std::size_t fold, std::uint64_t hash, bool is_near) const override {
    const Key key({}, hash);
    const StateTable& table = shard_of(fold, key).table;
    is_near ? table.prefetch_entry(key) : table.prefetch_slot(key);
  }
  Result<const void*> find(std::size_t fold, const Key& key) override;
  Result<void> read(std::size_t fold, const Key& key,
                    const std::function<void(const void*, std::int64_t)>& visit) const override;
  Result<void> commit(const Mark& mark, bool force) override;
  Result<void> dump(std::size_t fold,
                    const std::function<void(ByteView, const void*)>& visit) const override;
  [[nodiscard]] StateStoreStats stats() const override;

private:
  [[nodiscard]] Shard& shard_of(std::size_t fold, const Key& key) const {
    return *folds_[fold]->shards[key.shard()];
  }
  [[nodiscard]] const StateType& type_of(std::size_t fold) const {
    return folds_[fold]->definition.state;
  }
  [[nodiscard]] std::vector<SnapshotFold> described() const;
  Result<Mark> load(std::uint64_t event_count);
  Result<void> load_fold(const SnapshotFile& snapshot, std::size_t fold);
  void forget();
  [[nodiscard]] bool is_due(const Mark& mark);
  Result<std::uint64_t> take_snapshot(const Mark& mark);
  Result<void> write_fold(SnapshotWriter& to, const Fold& fold) const;

  Env& env_;
  SnapshotFolder folder_;
  std::unique_ptr<FolderLock> lock_;
  MemoryStore options_;
  ChunkPool pool_;
  std::vector<std::unique_ptr<Fold>> folds_;
  bool folder_is_durable_ = false;
  std::optional<Mark> durable_;           ///< of the newest snapshot that holds
  std::chrono::nanoseconds last_end_{0};  ///< of the last snapshot
  std::chrono::nanoseconds last_took_{0};
  mutable ShardLock stats_lock_;
  StateStoreStats stats_;  ///< guarded by stats_lock_; keys and memory are the tables'
};

Result<void*> MemoryStates::open(std::size_t fold, const Key& key, bool undoable) {
  Shard& shard = shard_of(fold, key);
  shard.lock.lock();
  shard.open = shard.table.find_or_insert(key);
  if (shard.open.ref == StateTable::kNone) {
    shard.lock.unlock();
    return fail(Code::kTooLarge, "{}: a key of {} bytes beside {} others",
                folds_[fold]->definition.name, key.bytes.size(), shard.table.key_count());
  }
  void* const state = shard.table.state(shard.open.ref);
  if (undoable && !shard.open.fresh) shard.undo.take(type_of(fold), state);
  return state;
}

void MemoryStates::close(std::size_t fold, const Key& key, Verdict verdict, std::int64_t place) {
  Shard& shard = shard_of(fold, key);
  STELE_CHECK(shard.open.ref != StateTable::kNone);
  if (verdict == Verdict::kDrop || (verdict == Verdict::kUndo && shard.open.fresh)) {
    shard.table.erase(key, shard.open.ref);
  } else if (verdict == Verdict::kUndo) {
    STELE_CHECK(shard.undo.held());
    shard.undo.put_back(type_of(fold), shard.table.state(shard.open.ref));
  }
  shard.undo.drop(type_of(fold));
  if (verdict != Verdict::kUndo) shard.last_place = place;
  shard.open = {};
  shard.lock.unlock();
}

Result<const void*> MemoryStates::find(std::size_t fold, const Key& key) {
  const StateTable& table = shard_of(fold, key).table;
  const StateTable::Ref ref = table.find(key);
  return ref == StateTable::kNone ? nullptr : table.state(ref);
}

Result<void> MemoryStates::read(std::size_t fold, const Key& key,
                                const std::function<void(const void*, std::int64_t)>& visit) const {
  const Shard& shard = shard_of(fold, key);
  const ShardHold hold(shard.lock);
  const StateTable::Ref ref = shard.table.find(key);
  visit(ref == StateTable::kNone ? nullptr : shard.table.state(ref), shard.last_place);
  return {};
}

Result<void> MemoryStates::dump(std::size_t fold,
                                const std::function<void(ByteView, const void*)>& visit) const {
  for (const auto& shard : folds_[fold]->shards) {
    const StateTable& table = shard->table;
    table.for_each_sorted([&](StateTable::Ref ref) { visit(table.key(ref), table.state(ref)); });
  }
  return {};
}

StateStoreStats MemoryStates::stats() const {
  StateStoreStats stats;
  {
    const ShardHold hold(stats_lock_);
    stats = stats_;
  }
  for (const auto& fold : folds_) {
    for (const auto& shard : fold->shards) {
      stats.key_count += shard->table.key_count();
      stats.memory_bytes += shard->table.memory_bytes() + sizeof(Shard);
    }
  }
  return stats;
}

void MemoryStates::forget() {
  for (const auto& fold : folds_) {
    for (const auto& shard : fold->shards) {
      const ShardHold hold(shard->lock);
      shard->table.clear();
      shard->last_place = -1;
    }
  }
}

void MemoryStates::clear() {
  forget();
  durable_.reset();
  folder_.begin_anew();
}

std::vector<SnapshotFold> MemoryStates::described() const {
  std::vector<SnapshotFold> described;
  for (const auto& fold : folds_) {
    const Definition& of = fold->definition;
    described.push_back({.name = of.name, .version = of.version, .shape = of.state.shape});
  }
  return described;
}

Result<std::optional<Mark>> MemoryStates::restore() {
  forget();
  durable_.reset();
  STELE_TRY(const std::vector<std::uint64_t> counts, folder_.list());
  for (const std::uint64_t count : counts) {
    auto mark = load(count);
    if (mark) {
      durable_ = *mark;
      return std::optional(*std::move(mark));
    }
    forget();
    const Error error = std::move(mark).error();
    if (error.code == Code::kNotFound) continue;
    if (error.code != Code::kCorrupt && error.code != Code::kIo) return std::unexpected(error);
    folder_.pass_over(count);
    env_.report(Severity::kWarn, fmt::format("snapshot_passed_over reason=\"{}\"", error.detail));
    const ShardHold hold(stats_lock_);
    stats_.passed_over.push_back(error.detail);
  }
  return std::optional<Mark>();
}

Result<Mark> MemoryStates::load(std::uint64_t event_count) {
  STELE_TRY(const std::unique_ptr<SnapshotFile> snapshot,
            SnapshotFile::open(env_, folder_.path_of(event_count)));
  const std::vector<SnapshotFold>& there = snapshot->folds();
  const std::vector<SnapshotFold> wanted = described();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool same = there.size() == wanted.size() && there[i].name == wanted[i].name &&
                      there[i].version == wanted[i].version && there[i].shape == wanted[i].shape;
    if (!same)
      return fail(Code::kCorrupt, "{}: not of {} version {} with the state {}", snapshot->path(),
                  wanted[i].name, wanted[i].version, wanted[i].shape);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) STELE_DO(load_fold(*snapshot, i));
  const ShardHold hold(stats_lock_);
  stats_.snapshot_bytes = snapshot->file_bytes();
  return snapshot->mark();
}

Result<void> MemoryStates::load_fold(const SnapshotFile& snapshot, std::size_t fold) {
  const StateType& type = type_of(fold);
  STELE_DO(snapshot.for_each_entry(fold, [&](const Key& key, ByteView state) -> Result<void> {
    StateTable& table = shard_of(fold, key).table;
    const StateTable::Ref ref = table.load(key);
    if (ref == StateTable::kNone)
      return fail(Code::kTooLarge, "{}: too many keys", snapshot.path());
    auto decoded = type.decode(state, table.state(ref));
    if (!decoded) return at(snapshot.path(), std::move(decoded).error());
    return {};
  }));
  for (const auto& shard : folds_[fold]->shards) {
    const ShardHold hold(shard->lock);
    shard->table.finish_load();
  }
  return {};
}

bool MemoryStates::is_due(const Mark& mark) {
  const std::uint64_t durable_count = durable_.has_value() ? durable_->event_count : 0;
  if (mark.event_count - durable_count < options_.snapshot_every) return false;
  return env_.now() - last_end_ >= last_took_ * kPauseFactor;
}

Result<void> MemoryStates::commit(const Mark& mark, bool force) {
  if (durable_ == mark || (!force && !is_due(mark))) return {};
  const std::chrono::nanoseconds begin = env_.now();
  const auto bytes = take_snapshot(mark);
  last_end_ = env_.now();
  last_took_ = last_end_ - begin;
  {
    const ShardHold hold(stats_lock_);
    stats_.commit_took += last_took_;
    if (bytes) {
      stats_.snapshot_count += 1;
      stats_.snapshot_bytes = *bytes;
      stats_.snapshot_taken_us = env_.wall_us();
    }
  }
  if (!bytes) return std::unexpected(bytes.error());
  durable_ = mark;
  folder_.remove_old(mark.event_count, options_.keep);
  return {};
}

Result<std::uint64_t> MemoryStates::take_snapshot(const Mark& mark) {
  if (!folder_is_durable_) STELE_DO(sync_state_folder(env_, folder_.path()));
  folder_is_durable_ = true;
  STELE_TRY(const std::unique_ptr<SnapshotWriter> writer,
            SnapshotWriter::create(env_, folder_.path(), described(), mark));
  Result<void> written;
  for (std::size_t i = 0; i < folds_.size() && written; ++i)
    written = write_fold(*writer, *folds_[i]);
  Result<std::uint64_t> finished = written ? writer->finish() : std::unexpected(written.error());
  if (!finished) writer->give_up();
  return finished;
}

Result<void> MemoryStates::write_fold(SnapshotWriter& to, const Fold& fold) const {
  STELE_DO(to.begin_fold());
  Bytes encoded;
  Result<void> written;
  for (const auto& shard : fold.shards) {
    const StateTable& table = shard->table;
    table.for_each_sorted([&](StateTable::Ref ref) {
      if (!written) return;
      encoded.clear();
      fold.definition.state.encode(table.state(ref), encoded);
      written = to.add(Key(table.key(ref)), encoded);
    });
    STELE_DO(written);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StateStore>> open_memory_store(Env& env, std::string folder,
                                                      std::vector<const Definition*> folds,
                                                      MemoryStore options) {
  STELE_TRY(std::unique_ptr<FolderLock> lock, take_state_folder(env, folder));
  STELE_DO(env.remove(path_in(folder, kUnfinishedSnapshot)));
  return std::make_unique<MemoryStates>(env, SnapshotFolder(env, std::move(folder)),
                                        std::move(lock), folds, options);
}

}  // namespace stele::projections
