// Scenarios: text that says what an event store does, one line a word. README.md has the language.
//
//   scenario A stream begins with no_stream      name, to the end of the line
//   append                                       command
//     event e1 orders/o-1 OrderPlaced            its parts are indented
//     expect orders/o-1 no_stream
//     => success versions 0                      what comes of it, begins with =>
//
// Thread: value types.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"

namespace stele::scenarios {

struct Line {
  int number = 0;
  std::vector<std::string> words;

  /// The word at `at`; empty if there are fewer.
  [[nodiscard]] std::string_view word(std::size_t at) const {
    return at < words.size() ? std::string_view(words[at]) : std::string_view();
  }
  /// All of it, one space between the words.
  [[nodiscard]] std::string text() const;
};

struct Step {
  Line command;
  std::vector<Line> parts;
  std::vector<Line> expected;  ///< without the =>
};

struct Scenario {
  std::string name;
  int number = 0;  ///< its line
  /// The surfaces that cannot say it, each with the reason.
  std::map<std::string, std::string, std::less<>> without;
  std::vector<Step> steps;

  /// A step's command is `what`.
  [[nodiscard]] bool has(std::string_view what) const;
};

/// kInvalid names the line: text before the first scenario, a part without a command, no
/// expectation.
[[nodiscard]] Result<std::vector<Scenario>> parse_scenarios(std::string_view text);

/// "%2F" to "/". kInvalid: a % that two hexadecimal digits do not follow.
[[nodiscard]] Result<std::string> percent_decoded(std::string_view text);

/// "a,b" to its parts, each percent-decoded; none for an empty text.
[[nodiscard]] Result<std::vector<std::string>> list_of(std::string_view text);

/// What is not a letter, a digit or one of -._~ as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace stele::scenarios
