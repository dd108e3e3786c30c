// What is asked of the history, as JSON: the same questions that answers-2013-01.json answers,
// which was made by a program of another kind from the file alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "program.h"

namespace flights {

struct Questions {
  std::vector<std::string> times;     ///< RFC 3339, UTC: as of these event times
  std::vector<std::int64_t> counts;   ///< after the first so many events
  std::vector<std::string> aircraft;  ///< streams
};

stele::Result<std::string> answers(Program& program, const Questions& questions);

/// "2013-01-03T15:26:00Z" in milliseconds since 1970. kInvalid.
stele::Result<std::int64_t> time_ms(const std::string& text);

std::string json(const Aircraft& aircraft);

}  // namespace flights
