// stele verify <folder>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "log/env/posix_env.h"
#include "log/store/verify.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace po = boost::program_options;

// The longest line that a terminal shows without wrapping is not ours to know: progress is short.
void show_progress(std::int64_t done, std::int64_t total) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\rchecked {} of {} batches ({} %)", done, total,
             total > 0 ? done * 100 / total : 100);
  std::fflush(stderr);
}

void print_report(const log::VerifyReport& report, const std::string& folder) {
  for (const log::VerifyProblem& problem : report.problems) {
    fmt::print("{}  {}: {}\n", problem.derived ? "rebuildable" : "DAMAGED",
               printable(problem.place), printable(problem.what));
  }
  if (report.problem_count > static_cast<std::int64_t>(report.problems.size())) {
    fmt::print("… and {} more\n",
               report.problem_count - static_cast<std::int64_t>(report.problems.size()));
  }
  fmt::print(
      "{}: {} topics, {} partitions, {} segments, {} batches, {} records, {} bytes; {} order "
      "blocks; {} journal "
      "entries to replay\n",
      printable(folder), report.topic_count, report.partition_count, report.segment_count,
      report.batch_count, report.record_count, report.log_bytes, report.order_block_count,
      report.journal_entry_count);
  fmt::print("{}\n", report.whole() ? "whole" : fmt::format("{} problems", report.problem_count));
}

}  // namespace

int run_verify(std::span<const std::string> arguments) {
  po::options_description options("Options");
  options.add_options()("help,h", "this text")("quiet,q", "print problems only")(
      "folder", po::value<std::string>(), "the store's data folder");
  po::positional_options_description positional;
  positional.add("folder", 1);
  po::variables_map values;
  try {
    const std::vector<std::string> words(arguments.begin(), arguments.end());
    po::store(po::command_line_parser(words).options(options).positional(positional).run(), values);
  } catch (const po::error& error) {
    fmt::print(stderr, "stele verify: {}; see `stele verify --help`\n", error.what());
    return kExitRefused;
  }
  if (values.contains("help") || !values.contains("folder")) {
    fmt::print(
        "Usage: stele verify <folder>\n\nReads every batch, index and journal entry of a stopped "
        "store, changes "
        "nothing, and names\nsegment and offset of any damage. \"rebuildable\" is derived data "
        "that the service "
        "makes anew\nby itself.\n\n  -q, --quiet   print problems only\n");
    return values.contains("help") ? kExitWhole : kExitRefused;
  }
  const auto folder = values["folder"].as<std::string>();
  const auto env = make_posix_env();
  const auto report =
      env ? log::verify_store(**env, folder, show_progress) : std::unexpected(env.error());
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K");
  if (!report) {
    fmt::print(stderr, "stele verify: {}\n", printable(report.error().text()));
    return kExitRefused;
  }
  if (!report->whole() || !values.contains("quiet")) print_report(*report, folder);
  return report->whole() ? kExitWhole : kExitDamage;
}

}  // namespace stele::tools
