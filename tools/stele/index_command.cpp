// stele index verify|rebuild
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>

#include "log/env/posix_env.h"
#include "log/store/index_verify.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(Usage: stele index verify  [FOLDER] [--scratch FOLDER]
       stele index rebuild [FOLDER]

verify builds the index of a stopped store anew, from the log, in a scratch folder, compares it with
what is on disk, and names the first difference. It changes nothing else. rebuild does the same and
then puts what it built in the place of what is on disk; a crash leaves the old index or the new one.

Compared, exactly: every stream, type, tag and event id; the position of each of its events; the event
numbers (a stream's versions) that runs begin with; the partition of its newest event; and that the
filter of each run knows it. Where runs begin and end may differ: merges depend on time.
Not compared: events that the log has let go of (retention, truncation, compaction), which the index
alone still counts and a rebuild takes over from it; event ids that are older than is promised; what
came after the last run, which the next start adds.

  FOLDER            the store's data folder (default ./data); --data FOLDER says the same
  --scratch FOLDER  where to build: a new or empty folder with room for an index of this size
                    (default: within the index, on the same disk; about 200 MiB of memory)
  -q, --quiet       print problems only
)";

void show_progress(log::IndexPhase phase, std::int64_t done, std::int64_t total) {
  if (isatty(STDERR_FILENO) == 0) return;
  const std::int64_t percent = total > 0 ? done * 100 / total : 100;
  if (phase == log::IndexPhase::kReading) {
    fmt::print(stderr, "\r\033[Kread {} of {} events ({} %)", done, total, percent);
  } else {
    fmt::print(stderr, "\r\033[Kcompared {} of about {} terms ({} %)", done, total, percent);
  }
  std::fflush(stderr);
}

void print_report(const log::IndexReport& report, const std::string& folder, bool quiet) {
  for (const log::VerifyProblem& problem : report.problems) {
    fmt::print("{}  {}: {}\n", problem.derived ? "rebuildable" : "DAMAGED",
               printable(problem.place), printable(problem.what));
  }
  const auto shown = static_cast<std::int64_t>(report.problems.size());
  if (report.problem_count > shown) fmt::print("… and {} more\n", report.problem_count - shown);
  if (quiet && report.whole()) return;
  fmt::print(
      "{}: {} terms, {} postings of positions below {} (of {}); {} runs, {} bytes; {} postings of "
      "events let go of, {} of deleted topics, {} event ids no longer kept\n",
      printable(folder), report.counts.terms, report.counts.postings, report.end.raw(),
      report.log_end.raw(), report.run_count, report.run_bytes, report.counts.gone_postings,
      report.counts.deleted_postings, report.counts.dropped_ids);
  fmt::print("{}{}\n",
             report.whole() ? "the index is what the log says"
                            : fmt::format("{} problems", report.problem_count),
             report.replaced ? "; rebuilt" : "");
}

struct Arguments {
  po::variables_map values;
  std::string action;
};

std::optional<Arguments> parse(std::span<const std::string> words) {
  po::options_description options("Options");
  options.add_options()("help,h", "")("quiet,q", "")("action", po::value<std::string>(), "")(
      "data", po::value<std::string>()->default_value("./data"), "")(
      "scratch", po::value<std::string>()->default_value(""), "");
  po::positional_options_description positional;
  positional.add("action", 1).add("data", 1);
  Arguments arguments;
  try {
    const std::vector<std::string> all(words.begin(), words.end());
    po::store(po::command_line_parser(all).options(options).positional(positional).run(),
              arguments.values);
  } catch (const po::error& error) {
    fmt::print(stderr, "stele index: {}; see `stele index --help`\n", error.what());
    return std::nullopt;
  }
  if (arguments.values.contains("action"))
    arguments.action = arguments.values["action"].as<std::string>();
  return arguments;
}

}  // namespace

int run_index(std::span<const std::string> words) {
  const auto arguments = parse(words);
  if (!arguments) return kExitRefused;
  const auto& [values, action] = *arguments;
  const bool help = values.contains("help");
  if (help || (action != "verify" && action != "rebuild")) {
    fmt::print(help ? stdout : stderr, "{}", kHelp);
    return help ? kExitWhole : kExitRefused;
  }
  const auto folder = values["data"].as<std::string>();
  log::IndexVerifyOptions options{.scratch = values["scratch"].as<std::string>(),
                                  .progress = show_progress};
  if (action == "rebuild" && !options.scratch.empty()) {
    fmt::print(stderr, "stele index rebuild: builds beside the index; --scratch is for verify\n");
    return kExitRefused;
  }
  const auto env = make_posix_env();
  const auto report = !env                 ? std::unexpected(env.error())
                      : action == "verify" ? log::verify_index(**env, folder, std::move(options))
                                           : log::rebuild_index(**env, folder, std::move(options));
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K");
  if (!report) {
    fmt::print(stderr, "stele index {}: {}\n", action, printable(report.error().text()));
    return report.error().code == Code::kCorrupt ? kExitDamage : kExitRefused;
  }
  print_report(*report, folder, values.contains("quiet"));
  // What a rebuild found wrong with the index is wrong no longer.
  const bool whole = report->replaced
                         ? std::ranges::all_of(report->problems, &log::VerifyProblem::derived)
                         : report->whole();
  return whole ? kExitWhole : kExitDamage;
}

}  // namespace stele::tools
