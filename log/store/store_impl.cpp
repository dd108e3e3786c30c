#include "log/store/store_impl.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/env/posix_env.h"
#include "log/store/gather_terms.h"
#include "log/store/identity.h"
#include "log/store/recovery.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

// How long the one who runs the core sleeps at most before it looks at the queue again.
constexpr auto kLeaderNap = 1ms;
constexpr auto kWaiterNap = 50ms;
constexpr std::uint64_t kTailBytesWorthKeeping = 4 << 20;

Result<void> check_options(const StoreOptions& options) {
  if (options.journal_bytes_min % kBlockBytes != 0 ||
      options.journal_bytes_max % kBlockBytes != 0 ||
      options.journal_bytes_min < 16 * kBlockBytes ||
      options.journal_bytes_max < options.journal_bytes_min) {
    return fail(
        Code::kInvalid,
        "journal_bytes_min and journal_bytes_max are multiples of {}, from {} up, in this order",
        kBlockBytes, 16 * kBlockBytes);
  }
  if (options.append_bytes_max > options.journal_bytes_min / 4) {
    return fail(Code::kInvalid,
                "append_bytes_max ({}) is at most a quarter of journal_bytes_min ({})",
                options.append_bytes_max, options.journal_bytes_min);
  }
  if (options.open_file_count_max < 1 || options.partition_count_max < 1) {
    return fail(Code::kInvalid, "open_file_count_max and partition_count_max are at least 1");
  }
  return {};
}

Result<std::unique_ptr<Store>> open_with(std::unique_ptr<Env> owned, Env& env,
                                         const std::string& folder, const StoreOptions& options) {
  const auto began = env.now();
  STELE_DO(check_options(options));
  STELE_TRY(FolderKind kind, look_at_folder(env, folder));
  if (kind == FolderKind::kForeign) {
    return fail(
        Code::kInvalid,
        "{} holds files that are not a store's (or a store without its file STELE); choose an "
        "empty folder or restore the file",
        folder);
  }
  if (kind == FolderKind::kStore) {
    const auto identity =
        read_identity(env, folder);  // another version is refused before anything is touched
    if (!identity) return std::unexpected(identity.error());
  } else if (!options.create) {
    return fail(Code::kNotFound, "{} holds no store", folder);
  } else {
    STELE_DO(env.make_folder(folder));
  }
  STELE_TRY(auto lock, env.lock(folder));
  STELE_TRY(kind, look_at_folder(env, folder));  // somebody may have made it before we had the lock
  if (kind != FolderKind::kStore) STELE_DO(create_store(env, folder, options));
  STELE_TRY(auto parts, recover_store(env, folder, options));
  return std::make_unique<StoreImpl>(std::move(owned), std::move(lock), std::move(parts),
                                     env.now() - began);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, Env& env,
                                           StoreOptions options) {
  return open_with(nullptr, env, folder, options);
}

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, StoreOptions options) {
  STELE_TRY(auto env, make_posix_env());
  Env& reference = *env;
  return open_with(std::move(env), reference, folder, options);
}

StoreImpl::StoreImpl(std::unique_ptr<Env> owned_env, std::unique_ptr<FolderLock> lock,
                     std::unique_ptr<StoreParts> parts, std::chrono::nanoseconds open_took)
    : owned_env_(std::move(owned_env)),
      lock_(std::move(lock)),
      open_took_(open_took),
      core_(std::move(parts)) {
  properties_ =
      std::make_shared<const Properties>(core_.parts().sequencer.catalogue().properties());
  core_.on_advance([this](std::span<const PartitionAdvance> advances) {
    for (const auto& listener : listeners_) listener(advances);
  });
}

StoreImpl::~StoreImpl() {
  // Like a kill, but nothing may still run into freed memory: what is in flight is waited for, what
  // is queued refused.
  const std::scoped_lock lock(core_mutex_);
  core_.set_closed();
  core_.stop_background();
  while (core_.has_work() || core_.parts().checkpointer->running() || core_.compactor().running() ||
         core_.parts().index->running() || core_.parts().journal->growing()) {
    drain();
    if (core_.run() == 0) core_.wait(kLeaderNap);
  }
}

// --- queue and core ---

void StoreImpl::enqueue(Operation operation) {
  const std::uint64_t bytes = operation.body_bytes();
  std::optional<Error> refused;
  if (bytes > parts().options.append_bytes_max) {
    refused = {Code::kTooLarge, fmt::format("an append of {} bytes; append_bytes_max is {}", bytes,
                                            parts().options.append_bytes_max)};
  } else if (core_.queued_bytes() + bytes > parts().options.queued_bytes_max) {
    refused = {Code::kOverloaded,
               fmt::format("queued_bytes_max ({}) is reached", parts().options.queued_bytes_max)};
  } else {
    const std::scoped_lock lock(queue_mutex_);
    if (!closing_) {
      core_.count_queued(bytes);
      queue_.push_back(std::move(operation));
      return;
    }
    refused = {Code::kClosed, "the store is closed"};
  }
  if (operation.done) operation.done(std::unexpected(std::move(*refused)));
}

void StoreImpl::drain() {
  std::deque<Operation> taken;
  {
    const std::scoped_lock lock(queue_mutex_);
    taken.swap(queue_);
  }
  if (!taken.empty()) core_.accept(std::move(taken));
}

void StoreImpl::tell_waiters() {
  {
    const std::scoped_lock lock(wait_mutex_);
    ++answers_;
  }
  waiters_.notify_all();
}

std::size_t StoreImpl::poll() {
  const std::unique_lock core(core_mutex_, std::try_to_lock);
  if (!core) return 0;
  drain();
  const std::size_t answered = core_.run();
  if (answered > 0) tell_waiters();
  return answered;
}

// Runs the core until the caller has what it wants. The caller holds core_mutex_.
void StoreImpl::lead(const std::function<bool()>& enough) {
  while (!enough()) {
    drain();
    std::size_t answered = core_.run();
    if (answered == 0 && !enough()) answered = core_.wait(kLeaderNap);
    if (answered > 0) tell_waiters();
  }
}

void StoreImpl::run_until(const std::function<bool()>& enough) {
  while (!enough()) {
    std::uint64_t seen = 0;
    {
      const std::scoped_lock lock(wait_mutex_);
      seen = answers_;
    }
    if (std::unique_lock core(core_mutex_, std::try_to_lock); core) {
      lead(enough);
      core.unlock();
      tell_waiters();
      return;
    }
    std::unique_lock lock(wait_mutex_);
    waiters_.wait_for(lock, kWaiterNap, [&] { return answers_ != seen; });
  }
}

void StoreImpl::maintain() {
  const std::unique_lock core(core_mutex_, std::try_to_lock);
  if (!core) return;
  drain();
  core_.maintain();
  if (core_.run() > 0) tell_waiters();
}

Result<AppendOutcome> StoreImpl::run_blocking(Operation operation) {
  std::atomic<bool> ready = false;
  std::optional<Result<AppendOutcome>> outcome;
  operation.done = [&](Result<AppendOutcome> result) {
    outcome = std::move(result);
    ready.store(true, std::memory_order_release);
  };
  enqueue(std::move(operation));
  run_until([&] { return ready.load(std::memory_order_acquire); });
  return std::move(*outcome);
}

// Decoding is the caller's thread's work, not the core's.
Result<void> StoreImpl::gather_terms_of(AppendRequest& request) const {
  for (BatchAppend& batch : request.batches) {
    if (batch.terms != nullptr) continue;
    const TopicPtr topic = find_topic(batch.to.topic);
    if (topic == nullptr || !is_indexed(*topic)) continue;
    thread_local Decompressor decompressor;
    STELE_TRY(batch.terms,
              gather_terms(parts().index->hasher(), batch.to.topic, batch.batch, decompressor));
  }
  return {};
}

void StoreImpl::submit(AppendRequest request, AppendDone done) {
  if (const auto gathered = gather_terms_of(request); !gathered)
    return done(std::unexpected(gathered.error()));
  Operation operation;
  operation.request = std::move(request);
  operation.done = std::move(done);
  enqueue(std::move(operation));
}

Result<AppendOutcome> StoreImpl::append(AppendRequest request) {
  STELE_DO(gather_terms_of(request));
  Operation operation;
  operation.request = std::move(request);
  return run_blocking(std::move(operation));
}

Result<Offset> StoreImpl::delete_records(const TopicPartition& partition, Offset before) {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  Operation operation;
  operation.trims.push_back({partition, before});
  STELE_DO(run_blocking(std::move(operation)));
  return found->log_start();
}

void StoreImpl::delete_records_async(const TopicPartition& partition, Offset before,
                                     std::move_only_function<void(Result<Offset>)> done) {
  const auto found = find_partition(partition);
  if (!found) return done(std::unexpected(found.error()));
  Operation operation;
  operation.trims.push_back({partition, before});
  operation.done = [trimmed = *found,
                    done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    if (result) {
      done(trimmed->log_start());
    } else {
      done(std::unexpected(result.error()));
    }
  };
  enqueue(std::move(operation));
}

Result<std::vector<ProducerInfo>> StoreImpl::producers(const TopicPartition& partition) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  const std::scoped_lock core(core_mutex_);
  std::vector<ProducerInfo> all;
  found->producers().visit([&](std::int64_t id, std::int16_t epoch, const ProducedBatch& last) {
    all.push_back({id, epoch, last.last_sequence, last.recorded_us});
  });
  std::ranges::sort(all, {}, &ProducerInfo::producer_id);
  return all;
}

// So that the next open has little to read again. What cannot be written is rebuilt then.
void StoreImpl::keep_index() {
  TermIndex& index = *core_.parts().index;
  if (index.stats().tail_bytes < kTailBytesWorthKeeping) return;
  if (const auto kept = index.flush(core_.end()); !kept)
    parts().env.report(
        Severity::kWarn,
        fmt::format("index_not_kept next_open=reads_more reason=\"{}\"", kept.error().text()));
}

Result<void> StoreImpl::close() {
  {
    const std::scoped_lock lock(queue_mutex_);
    closing_ = true;
  }
  const std::scoped_lock core(core_mutex_);
  if (state() == StoreState::kClosed) return {};
  drain();
  core_.stop_background();
  while (core_.has_work() || core_.compactor().running() || core_.parts().index->running()) {
    if (core_.run() == 0) core_.wait(kLeaderNap);
  }
  if (state() == StoreState::kOpen) keep_index();
  tell_waiters();
  while (core_.parts().checkpointer->running()) core_.wait(kLeaderNap);
  const std::int64_t before = core_.parts().checkpointer->count();
  if (state() == StoreState::kOpen && core_.begin_checkpoint()) {
    while (core_.parts().checkpointer->running()) core_.wait(kLeaderNap);
    if (core_.parts().checkpointer->count() == before && state() == StoreState::kOpen) {
      parts().env.report(Severity::kWarn,
                         "closed_without_checkpoint next_start=replays_the_journal");
    }
  }
  if (state() == StoreState::kStopped) return fail(Code::kClosed, "{}", core_.stopped_because());
  core_.set_closed();
  lock_.reset();
  return {};
}

}  // namespace stele::log
