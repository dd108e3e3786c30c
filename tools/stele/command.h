// A command of `stele`: one file each. main.cpp lists them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stele::tools {

/// Exit codes of every command.
inline constexpr int kExitWhole = 0;    ///< done; nothing wrong was found
inline constexpr int kExitDamage = 1;   ///< done; something is wrong, and was named
inline constexpr int kExitRefused = 2;  ///< not done: bad arguments, folder in use, no store there

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(std::span<const std::string> arguments);
};

/// stele verify <folder>
int run_verify(std::span<const std::string> arguments);
/// stele index verify|rebuild
int run_index(std::span<const std::string> arguments);

/// `text` with control characters shown as \xNN: names and errors may hold what a file held.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace stele::tools
