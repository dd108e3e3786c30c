// Builds the index of a stopped store anew, from the log, in a scratch folder, and compares it with
// what is on disk: what `stele index verify` and `stele index rebuild` do.
//
// What is compared: log/index/index_comparison.h. Of events that the log has let go of (retention,
// truncation, compaction) the index alone knows that there were any: a rebuild takes them over from
// the runs on disk.
// Memory: kScratchTailBytes, a batch, a bit for each position that is gone. Disk: as much as the
// index.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "log/index/index_comparison.h"
#include "log/index/term_index.h"
#include "log/store/verify.h"

namespace stele::log {

struct IndexReport {
  /// Damage of the log first, then of runs, then the first difference, and others in the order of
  /// terms.
  std::vector<VerifyProblem> problems;  ///< at most VerifyReport::problem_count_max
  std::int64_t problem_count = 0;
  Position end;      ///< compared up to here: where the runs end
  Position log_end;  ///< what is behind `end` is added by the next start
  std::int64_t run_count = 0;
  std::uint64_t run_bytes = 0;
  ComparisonCounts counts;
  bool replaced = false;  ///< by a rebuild

  [[nodiscard]] bool whole() const { return problem_count == 0; }
};

enum class IndexPhase : std::uint8_t { kReading, kComparing };
/// How far a phase is: positions read of all; terms compared of about so many.
using IndexProgress = std::function<void(IndexPhase phase, std::int64_t done, std::int64_t total)>;

struct IndexVerifyOptions {
  std::string scratch;  ///< a folder that is made and removed; empty: one within the index
  TermIndexOptions index = {.tail_bytes_max = 128 << 20};  ///< of what is built
  std::chrono::hours event_id_window{24};                  ///< as the store was run with
  IndexProgress progress = {};
};

/// Changes nothing but the scratch folder. kAlreadyExists: a running service holds the folder
/// (named); kNotFound: no store; kCorrupt: the log cannot be read; kNoSpace: in the scratch folder;
/// kIo.
Result<IndexReport> verify_index(Env& env, const std::string& folder, IndexVerifyOptions options);

/// The same, and then puts what was built, as one run, in the place of what is on disk. A crash
/// leaves the old index or the new one. kCorrupt also: events that were let go of are in no whole
/// run, so that nothing could be as good as it was; nothing was changed then.
Result<IndexReport> rebuild_index(Env& env, const std::string& folder, IndexVerifyOptions options);

/// "stream 'order-17' of topic <id>": how a problem names a term; bytes that are not plain ASCII
/// stand as \xNN.
[[nodiscard]] std::string term_text(const TermView& term, std::string_view topic_name);

}  // namespace stele::log
