// What the words of a step ask of a driver.
//
// Thread: the test's.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "log/event_store/event_store.h"
#include "tests/scenarios/scenario.h"

namespace stele::scenarios {

/// What a scenario has learnt so far, and refers to by name.
struct Known {
  struct Place {
    Position position;
    std::int64_t recorded_us = 0;
  };
  std::map<std::string, Place, std::less<>> events;        ///< by event id
  std::map<std::string, std::string, std::less<>> tokens;  ///< by the label of as=

  /// The event's id, or "?": for what was appended without one.
  [[nodiscard]] std::string name_of(Position position) const;
};

/// "key=value" to value, percent-decoded; nullopt if the line has no such word.
[[nodiscard]] Result<std::optional<std::string>> option(const Line& line, std::string_view key);

/// "topic/stream"; the stream percent-encoded.
[[nodiscard]] Result<log::StreamName> stream_name(std::string_view word);
[[nodiscard]] std::string text_of(const log::StreamName& name);

/// any, no_stream, exists, or a version.
[[nodiscard]] Result<log::ExpectedVersion> expected_version(std::string_view word);

[[nodiscard]] Result<log::EventAppend> append_of(const Step& step, const Known& known);
[[nodiscard]] Result<log::ReadRequest> read_of(const Step& step, const Known& known);
[[nodiscard]] Result<log::StreamRules> limits_of(const Line& line);

}  // namespace stele::scenarios
