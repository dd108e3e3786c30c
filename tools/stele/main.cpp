// stele: looks at a store that nobody is running. `stele --help` lists the commands.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

constexpr std::array kCommands = {
    Command{"verify", "checks every structure of a stopped store and names any damage", run_verify},
    Command{"index", "compares the index of a stopped store with its log, or builds it anew",
            run_index},
};

void print_help(std::FILE* to) {
  fmt::print(to,
             "Usage: stele <command> [options]\n\nLooks at a store whose service is "
             "stopped.\n\nCommands:\n");
  for (const Command& command : kCommands)
    fmt::print(to, "  {:<10}{}\n", command.name, command.summary);
  fmt::print(to,
             "\n`stele <command> --help` tells more.  --version prints the version.\n"
             "Exit codes: 0 nothing wrong, 1 damage found, 2 not done.\n");
}

int run(std::span<const std::string> arguments) {
  if (arguments.empty()) {
    print_help(stderr);
    return kExitRefused;
  }
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print_help(stdout);
    return kExitWhole;
  }
  if (arguments[0] == "--version") {
    fmt::print("stele {}\n", STELE_VERSION);
    return kExitWhole;
  }
  const auto command = std::ranges::find(kCommands, arguments[0], &Command::name);
  if (command == kCommands.end()) {
    fmt::print(stderr, "stele: no command '{}'; `stele --help` lists them\n",
               printable(arguments[0]));
    return kExitRefused;
  }
  return command->run(arguments.subspan(1));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace stele::tools

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return stele::tools::run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "stele: {}\n", error.what());
    return stele::tools::kExitRefused;
  }
}
