#include "log/store/checkpointer.h"

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {

struct Checkpointer::Job {
  std::uint64_t generation = 0;
  JournalPlace replay_from;
  Bytes superblock;
  std::vector<std::shared_ptr<File>> files;
  std::set<std::string> file_paths;
  std::set<std::string> folders;
  std::vector<std::string> removals;
  std::vector<std::string> late_removals;
};

void Checkpointer::start(std::uint64_t generation, const JournalPlace& newest,
                         const JournalPlace& older) {
  generation_ = generation;
  newest_ = newest;
  journal_.release(older);
}

void Checkpointer::begin(StoreImage image, Done done) {
  STELE_CHECK(!running_);
  running_ = true;
  auto job = std::make_shared<Job>();
  job->generation = generation_ + 1;
  job->replay_from = journal_.head();
  if (planted(Plant::kReleaseTooEarly)) journal_.release(job->replay_from);
  image.generation = job->generation;
  image.replay_from = job->replay_from;
  job->superblock = encode_superblock(image, store_);
  job->files = std::exchange(carried_files_, {});
  for (const PartitionPtr& partition : std::exchange(dirty_, {})) {
    for (const auto& segment : *partition->segments()) {
      if (auto file = segment->take_dirty()) job->files.push_back(std::move(file));
    }
  }
  job->file_paths = std::exchange(dirty_files_, {});
  job->folders = std::exchange(dirty_folders_, {});
  job->removals = std::exchange(removals_, {});
  job->late_removals = std::exchange(late_removals_, {});
  env_.offload([this, job] { return run(env_, files_, folder_, *job); },
               [this, job, done = std::move(done)](Result<void> result) mutable {
                 finish(job, result);
                 done(std::move(result));
               });
}

Result<void> Checkpointer::run(Env& env, FileCache& files, const std::string& folder,
                               const Job& job) {
  for (const std::string& path : job.removals) {
    if (path.ends_with('/')) {
      STELE_DO(remove_tree(env, path.substr(0, path.size() - 1)));
    } else {
      files.forget(path);
      STELE_DO(env.remove(path));
    }
  }
  // A flush that failed for whatever reason (kNoSpace too) is not tried again: the pages may count
  // as clean by now.
  const auto flush = [](File& file) -> Result<void> {
    if (auto synced = file.sync(); !synced) return fail(Code::kIo, "{}", synced.error().detail);
    return {};
  };
  for (const auto& file : job.files) STELE_DO(flush(*file));
  for (const std::string& path : job.file_paths) {
    STELE_TRY(const auto file, files.open(path));
    STELE_DO(flush(*file));
  }
  for (const std::string& path : job.folders) {
    if (planted(Plant::kSkipFolderSync)) break;
    const auto synced = env.sync_folder(path);
    if (!synced && synced.error().code != Code::kNotFound)
      return synced;  // it may have been removed meanwhile
  }
  return write_superblock(env, folder, job.generation, job.superblock);
}

void Checkpointer::finish(const std::shared_ptr<Job>& job, const Result<void>& result) {
  running_ = false;
  if (!result) {
    failure_ = result.error();
    carried_files_ = job->files;
    dirty_files_.merge(job->file_paths);
    dirty_folders_.merge(job->folders);
    removals_.insert(removals_.end(), job->removals.begin(), job->removals.end());
    late_removals_.insert(late_removals_.end(), job->late_removals.begin(),
                          job->late_removals.end());
    return;
  }
  failure_.reset();
  generation_ = job->generation;
  journal_.release(newest_);
  newest_ = job->replay_from;
  ++count_;
  removals_.insert(removals_.end(), job->late_removals.begin(), job->late_removals.end());
}

Result<void> remove_tree(Env& env, const std::string& folder) {
  const auto entries = env.list(folder);
  if (!entries && entries.error().code == Code::kNotFound) return {};
  if (!entries) return std::unexpected(entries.error());
  for (const FolderEntry& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.is_folder) {
      STELE_DO(remove_tree(env, path));
    } else {
      STELE_DO(env.remove(path));
    }
  }
  return env.remove(folder);
}

}  // namespace stele::log
