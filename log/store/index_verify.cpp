#include "log/store/index_verify.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/index/run_writer.h"
#include "log/store/identity.h"
#include "log/store/log_terms.h"

namespace stele::log {
namespace {

constexpr std::int64_t kProgressTerms = 65'536;
constexpr std::size_t kShownBytesMax = 200;

std::string_view kind_name(TermKind kind) {
  switch (kind) {
    case TermKind::kStream:
      return "stream";
    case TermKind::kType:
      return "type";
    case TermKind::kTag:
      return "tag";
    case TermKind::kEventId:
      return "event id";
  }
  return "term";
}

std::int64_t term_count(const RunChain& chain) {
  std::int64_t count = 0;
  for (const ChainedRun& one : chain)
    count += static_cast<std::int64_t>(one.run->footer().term_count);
  return count;
}

/// A folder of ours, which is gone when this is.
class Scratch {
public:
  Scratch(Env& env, std::string path) : env_(env), path_(std::move(path)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    const auto removed = clear();
    static_cast<void>(removed);  // the next start removes it, or whoever named it
  }
  /// `ours`: what stands there was left behind. kInvalid: it is somebody's.
  Result<void> make(bool ours) {
    auto entries = env_.list(path_);
    if (entries && !entries->empty() && !ours) {
      path_.clear();
      return fail(Code::kInvalid, "the scratch folder is not empty");
    }
    if (entries) STELE_DO(clear());
    return env_.make_folder(path_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  Result<void> clear() {
    if (path_.empty()) return {};
    STELE_TRY(const auto entries, env_.list(path_));
    for (const FolderEntry& entry : entries) STELE_DO(env_.remove(path_ + "/" + entry.name));
    return env_.remove(path_);
  }

  Env& env_;
  std::string path_;
};

class IndexVerifier {
public:
  IndexVerifier(Env& env, const std::string& folder, const Uuid& store,
                const IndexVerifyOptions& options)
      : env_(env),
        index_folder_(folder + "/index"),
        store_(store),
        options_(options),
        log_(env, folder, store),
        scratch_(env, options.scratch.empty() ? fmt::format("{}/{}", index_folder_, kScratchFolder)
                                              : options.scratch) {}

  Result<IndexReport> verify() {
    STELE_DO(look());
    STELE_DO(build(disk_.end()));
    const auto compared = compare(disk_.chain, nullptr);
    if (!compared && compared.error().code != Code::kCorrupt)
      return std::unexpected(compared.error());
    if (!compared) problem(index_folder_, compared.error().detail + "; not compared any further");
    return std::move(report_);
  }

  Result<IndexReport> rebuild() {
    STELE_DO(look());
    const Position end = log_.checkpoint_end();
    STELE_DO(build(end));
    const RunRange range{.from = Position(0), .to = end};
    if (end > Position(0)) STELE_DO(write(range));
    STELE_DO(replace(range));
    report_.replaced = true;
    return std::move(report_);
  }

private:
  void problem(std::string place, std::string what, bool derived = true) {
    ++report_.problem_count;
    if (report_.problems.size() < VerifyReport::problem_count_max)
      report_.problems.push_back({std::move(place), std::move(what), derived});
  }

  // What is there, of the log and of the index.
  Result<void> look() {
    STELE_DO(log_.load());
    report_.log_end = log_.end();
    auto found = find_chain(env_, index_folder_, store_, log_.end());
    if (!found && found.error().code != Code::kNotFound)
      return std::unexpected(std::move(found).error());
    if (found) disk_ = *std::move(found);
    report_.end = disk_.end();
    report_.run_count = std::ssize(disk_.chain);
    for (const ChainedRun& one : disk_.chain) report_.run_bytes += one.run->file_bytes();
    for (const FoundChain::Damaged& one : disk_.damaged)
      problem(index_folder_ + "/" + run_name(one.range), one.error.detail);
    for (const RunRange range : disk_.others) {
      const std::string place = index_folder_ + "/" + run_name(range);
      if (range.to > log_.end()) {
        problem(place, "reaches beyond the log");
      } else if (range.from > disk_.end()) {
        problem(place, fmt::format("the runs before it end at position {}", disk_.end().raw()));
      }
    }
    return {};
  }

  Result<void> build(Position end) {
    STELE_DO(scratch_.make(options_.scratch.empty()));
    {
      STELE_TRY(const auto index, TermIndex::open(env_, scratch_.path(), store_, options_.index));
      hasher_.emplace(index->hasher());
      STELE_DO(log_.add_to(*index, end, options_.index.tail_bytes_max, [&](Position at) {
        if (options_.progress) options_.progress(IndexPhase::kReading, at.raw(), end.raw());
      }));
    }
    STELE_TRY(FoundChain built, find_chain(env_, scratch_.path(), store_, Position(INT64_MAX)));
    built_ = std::move(built.chain);
    const auto window =
        std::chrono::duration_cast<std::chrono::microseconds>(options_.event_id_window);
    STELE_TRY(rules_.ids_wanted_from, log_.find_recorded(env_.wall_us() - window.count()));
    rules_.gone = log_.take_gone();
    rules_.deleted = log_.take_deleted();
    rules_.end = end;
    for (const UnreadBatch& one : log_.unread()) problem(one.place, one.what, false);
    return {};
  }

  Result<void> compare(const RunChain& disk, RunWriter* writer) {
    rules_.disk_end = disk.empty() ? Position(0) : disk.back().run->range().to;
    IndexComparison comparison(disk, built_, *hasher_, rules_);
    const std::int64_t total = std::max(term_count(disk), term_count(built_));
    auto more = comparison.next(writer);
    for (; more && *more; more = comparison.next(writer)) {
      const std::int64_t terms = comparison.counts().terms;
      if (options_.progress && terms % kProgressTerms == 0)
        options_.progress(IndexPhase::kComparing, std::min(terms, total), total);
    }
    report_.counts = comparison.counts();
    for (const TermDifference& one : comparison.differences()) {
      problem(
          term_text(one.term.view(), log_.topic_name(one.term.topic)),
          one.position ? fmt::format("position {} {}", one.position->raw(), one.what) : one.what);
    }
    report_.problem_count += report_.counts.differences - std::ssize(comparison.differences());
    return more ? Result<void>() : std::unexpected(std::move(more).error());
  }

  // What the log let go of is taken from the runs on disk. They are not needed if that is nothing.
  Result<void> write(RunRange range) {
    const std::int64_t gone = rules_.gone.count_below(rules_.end);
    if (gone != rules_.gone.count_below(std::min(rules_.end, disk_.end()))) {
      return fail(
          Code::kCorrupt,
          "the log has let go of events behind position {}, where the whole runs of the "
          "index end: what they counted is not known; nothing was changed. Without the folder "
          "{} the next start takes what it can from the log and the version floors",
          disk_.end().raw(), index_folder_);
    }
    const auto written = write_compared(range, disk_.chain);
    if (written || written.error().code != Code::kCorrupt) return written;
    problem(index_folder_, written.error().detail);
    if (gone > 0) {
      return fail(Code::kCorrupt,
                  "{}; the log has let go of {} events that are counted there alone: nothing was "
                  "changed",
                  written.error().detail, gone);
    }
    return write_compared(range, {});
  }

  Result<void> write_compared(RunRange range, const RunChain& disk) {
    RunWriter writer(env_, scratch_.path(), store_, range, *hasher_);
    STELE_DO(writer.begin());
    STELE_DO(compare(disk, &writer));
    for (bool done = false; !done;) {
      STELE_TRY(done, writer.write_filter(UINT64_MAX));
    }
    return writer.commit();
  }

  Result<void> replace(RunRange range) {
    const std::string name = run_name(range);
    const bool is_empty = range.to == Position(0);
    if (!is_empty) {
      STELE_DO(env_.rename(scratch_.path() + "/" + name, index_folder_ + "/" + name));
      STELE_DO(env_.sync_folder(index_folder_));
    }
    FoundChain old = std::move(disk_);
    for (const ChainedRun& one : old.chain) old.others.push_back(one.run->range());
    std::erase(old.others, range);
    old.has_scratch = false;
    return remove_others(env_, index_folder_, old);
  }

  Env& env_;
  const std::string index_folder_;
  const Uuid store_;
  const IndexVerifyOptions& options_;
  LogTerms log_;
  Scratch scratch_;
  std::optional<TermHasher> hasher_;
  FoundChain disk_;
  RunChain built_;
  ComparisonRules rules_;
  IndexReport report_;
};

/// A locked folder.
struct StoppedStore {
  std::unique_ptr<FolderLock> lock;
  Uuid id;
};

Result<StoppedStore> open_stopped(Env& env, const std::string& folder) {
  STELE_TRY(const FolderKind kind, look_at_folder(env, folder));
  if (kind != FolderKind::kStore) return fail(Code::kNotFound, "{} holds no store", folder);
  StoppedStore store;
  STELE_TRY(store.lock, env.lock(folder));
  STELE_TRY(store.id, read_identity(env, folder));
  return store;
}

}  // namespace

std::string term_text(const TermView& term, std::string_view topic_name) {
  std::string text = fmt::format("{} '", kind_name(term.kind));
  for (const std::byte byte : term.bytes.first(std::min(term.bytes.size(), kShownBytesMax))) {
    const auto code = std::to_integer<unsigned>(byte);
    const bool plain = code >= 0x20 && code < 0x7f && code != '\'' && code != '\\';
    text += plain ? std::string(1, static_cast<char>(code)) : fmt::format("\\x{:02x}", code);
  }
  text += term.bytes.size() > kShownBytesMax ? "…'" : "'";
  if (has_topic(term.kind)) text += fmt::format(" of topic {}", topic_name);
  return text;
}

Result<IndexReport> verify_index(Env& env, const std::string& folder, IndexVerifyOptions options) {
  STELE_TRY(const StoppedStore store, open_stopped(env, folder));
  return IndexVerifier(env, folder, store.id, options).verify();
}

Result<IndexReport> rebuild_index(Env& env, const std::string& folder, IndexVerifyOptions options) {
  STELE_TRY(const StoppedStore store, open_stopped(env, folder));
  return IndexVerifier(env, folder, store.id, options).rebuild();
}

}  // namespace stele::log
