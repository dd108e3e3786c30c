// January's flights from New York, folded: see README.md.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "answers.h"
#include "load.h"
#include "program.h"

namespace flights {
namespace {

using stele::Code;
using stele::Result;

constexpr const char* kUsage = R"(usage: flights [options] command

  load FILE          appends the events of FILE (one CloudEvent a line; - is stdin)
  fold               folds what is there, and keeps the states
  answers OUT        writes OUT: as of --times, after the first --counts events, of --aircraft streams
  aircraft TAIL      one aircraft now; or with --at TIME, --version N, --position N: then
  dump OUT           writes every state of every projection, and the alerts
  picture dot|svg    what flows where

  --data FOLDER           where everything is kept (flights-data)
  --store memory|sqlite   where states are (memory, with snapshots)
  --snapshot-every N      events between snapshots, or in a transaction of SQLite
)";

stele::Error wrong(std::string why) {
  return {Code::kInvalid, std::move(why)};
}

/// The command line: words, and options with a value each.
struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> options;

  [[nodiscard]] std::string option(std::string_view name, const char* otherwise) const {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::string word(std::size_t at) const {
    return at < words.size() ? words[at] : std::string();
  }
};

Result<Arguments> read_arguments(int count, char** given) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    if (std::strncmp(given[i], "--", 2) != 0) {
      arguments.words.emplace_back(given[i]);
    } else if (i + 1 < count) {
      arguments.options[given[i] + 2] = given[i + 1];
      ++i;
    } else {
      return std::unexpected(wrong(std::string(given[i]) + " wants a value"));
    }
  }
  return arguments;
}

Result<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < 0)
    return std::unexpected(wrong("'" + text + "' is no number"));
  return value;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    parts.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

Result<st::StoreChoice> states_of(const Arguments& arguments) {
  const std::string kind = arguments.option("store", "memory");
  STELE_TRY(const std::int64_t every, number(arguments.option("snapshot-every", "20000")));
  const auto events = static_cast<std::uint64_t>(every);
  if (kind == "memory") return st::memory{.snapshot_every = events};
  if (kind == "sqlite") return st::sqlite{.commit_every = events};
  return std::unexpected(wrong("--store is memory or sqlite, not " + kind));
}

Result<void> write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << '\n';
  out.close();
  if (!out) return std::unexpected(stele::Error{Code::kIo, path + " cannot be written"});
  return {};
}

// --- commands ---

Result<void> load_file(Program& program, const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  if (path.empty() || !file) return std::unexpected(wrong("'" + path + "' cannot be read"));
  STELE_TRY(const std::int64_t count, load(path == "-" ? std::cin : file, program.events()));
  std::printf("%lld events\n", static_cast<long long>(count));
  return {};
}

Result<void> fold(Program& program) {
  return program.engine().catch_up(st::progress_on(stderr));
}

Result<void> write_answers(Program& program, const Arguments& arguments) {
  STELE_DO(fold(program));
  Questions questions{.times = split(arguments.option("times", "")),
                      .counts = {},
                      .aircraft = split(arguments.option("aircraft", ""))};
  for (const std::string& text : split(arguments.option("counts", ""))) {
    STELE_TRY(const std::int64_t count, number(text));
    questions.counts.push_back(count);
  }
  STELE_TRY(const std::string all, answers(program, questions));
  return write(arguments.word(1), all);
}

Result<std::optional<st::Moment>> moment_of(const Arguments& arguments) {
  if (const std::string at = arguments.option("at", ""); !at.empty()) {
    STELE_TRY(const std::int64_t ms, time_ms(at));
    return st::Moment{st::AtEventTime{ms}};
  }
  if (const std::string version = arguments.option("version", ""); !version.empty()) {
    STELE_TRY(const std::int64_t at, number(version));
    return st::Moment{st::AtVersion{stele::Version(at)}};
  }
  if (const std::string position = arguments.option("position", ""); !position.empty()) {
    STELE_TRY(const std::int64_t at, number(position));
    return st::Moment{st::AtPosition{stele::Position(at)}};
  }
  return std::nullopt;
}

Result<void> show_aircraft(Program& program, const Arguments& arguments) {
  STELE_DO(fold(program));
  STELE_TRY(const std::optional<st::Moment> moment, moment_of(arguments));
  const std::string stream = "aircraft-" + arguments.word(1);
  STELE_TRY(const auto answer,
            moment ? program.aircraft->get(stream, *moment) : program.aircraft->get(stream));
  STELE_TRY(const std::string token, answer.token());
  if (!answer.state) return std::unexpected(stele::Error{Code::kNotFound, stream + ": no events"});
  std::printf("%s\nas of %s\n", json(*answer.state).c_str(), token.c_str());
  return {};
}

template <class State>
Result<void> dump(const st::View<State>& view, const st::Projection<State>& projection,
                  std::string& to) {
  const st::DefinitionPtr definition = projection.definition();
  const auto visited = view.for_each([&](std::string_view key, const State& state) {
    to += projection.name() + " " + std::string(key) + " ";
    definition->state.print(&state, to);
    to += '\n';
  });
  if (!visited) return std::unexpected(visited.error());
  return {};
}

Result<void> dump_all(Program& program, const std::string& path) {
  STELE_DO(fold(program));
  const Folds all = folds(st::memory{});
  std::string text;
  STELE_DO(dump(*program.aircraft, all.aircraft, text));
  STELE_DO(dump(*program.carriers, all.carriers, text));
  STELE_DO(dump(*program.departures, all.departures, text));
  STELE_DO(dump(*program.continuity, all.continuity, text));
  STELE_DO(dump(*program.streams, all.streams, text));
  STELE_TRY(const auto cursor,
            program.events().open({.select = stele::log::TopicSelection{kAlerts}}));
  for (bool more = true; more;) {
    STELE_TRY(const auto page, cursor->next());
    for (const auto& alert : page.events)
      text += "alert " + alert.id + " " + std::string(stele::as_text(*alert.data)) + "\n";
    more = !page.end;
  }
  return write(path, text);
}

Result<void> draw(Program& program, const std::string& form) {
  if (form != "dot" && form != "svg") return std::unexpected(wrong("picture dot, or picture svg"));
  const st::Engine& engine = program.engine();
  std::printf("%s\n", (form == "dot" ? engine.picture_dot() : engine.picture_svg()).c_str());
  return {};
}

Result<void> run_command(Program& program, const Arguments& arguments) {
  const std::string command = arguments.word(0);
  if (command == "load") return load_file(program, arguments.word(1));
  if (command == "fold") return fold(program);
  if (command == "answers") return write_answers(program, arguments);
  if (command == "aircraft") return show_aircraft(program, arguments);
  if (command == "dump") return dump_all(program, arguments.word(1));
  if (command == "picture") return draw(program, arguments.word(1));
  return std::unexpected(wrong("no command " + command + ": flights --help"));
}

Result<void> run(const Arguments& arguments) {
  STELE_TRY(const st::StoreChoice states, states_of(arguments));
  STELE_TRY(const auto program, Program::open(arguments.option("data", "flights-data"), states));
  const Result<void> done = run_command(*program, arguments);
  const Result<void> closed = program->close();
  return done ? closed : done;
}

}  // namespace
}  // namespace flights

int main(int argument_count, char** arguments) {
  if (argument_count < 2 || std::strcmp(arguments[1], "--help") == 0) {
    std::fputs(flights::kUsage, argument_count < 2 ? stderr : stdout);
    return argument_count < 2 ? 2 : 0;
  }
  const auto read = flights::read_arguments(argument_count, arguments);
  const auto done = read ? flights::run(*read) : std::unexpected(read.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return 1;
}
