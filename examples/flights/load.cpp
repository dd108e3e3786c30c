#include "load.h"

#include <projections/fold/projection.h>

#include <string>
#include <string_view>
#include <utility>

#include "flights.h"

namespace flights {

/// The attributes of a structured CloudEvent; its data is taken as it stands.
struct Line {
  std::string id;
  std::string type;
  std::string source;
  std::string subject;
  std::string time;
};

}  // namespace flights

namespace stele::projections {

template <>
struct event_traits<flights::Line> : json_event<"line"> {};

}  // namespace stele::projections

namespace flights {
namespace {

using stele::Code;
using stele::Result;
using stele::log::EventAppend;
using stele::log::NewEvent;

constexpr std::size_t kAppendEvents = 500;
constexpr std::string_view kData = R"(,"data":)";

stele::Error bad_line(std::int64_t number, const std::string& why) {
  return {Code::kInvalid, "line " + std::to_string(number) + ": " + why};
}

/// make_flights.py writes the data last.
Result<NewEvent> event_of(std::string_view line, std::int64_t number) {
  st::InputEvent whole;
  whole.data = stele::as_bytes(line);
  const Result<Line> said = st::decode_event<Line>(whole);
  if (!said) return std::unexpected(bad_line(number, said.error().detail));
  const std::size_t at = line.find(kData);
  if (at == std::string_view::npos || !line.ends_with('}'))
    return std::unexpected(bad_line(number, "it does not end with its data"));
  line.remove_suffix(1);
  const stele::ByteView data = stele::as_bytes(line.substr(at + kData.size()));
  NewEvent event;
  event.stream = said->subject;
  event.id = said->id;
  event.type = said->type;
  event.source = said->source;
  event.subject = said->subject;
  event.content_type = "application/json";
  event.time_text = said->time;
  event.data.emplace(data.begin(), data.end());
  return event;
}

Result<void> append(EventAppend& gathered, stele::log::EventStore& events) {
  if (gathered.events.empty()) return {};
  auto appended = events.append(std::exchange(gathered, {}));
  if (!appended) return std::unexpected(std::move(appended).error().error);
  return {};
}

}  // namespace

Result<std::int64_t> load(std::istream& lines, stele::log::EventStore& events) {
  std::int64_t count = 0;
  EventAppend gathered;
  for (std::string line; std::getline(lines, line);) {
    STELE_TRY(NewEvent event, event_of(line, ++count));
    gathered.events.push_back({kFlights, std::move(event)});
    if (gathered.events.size() == kAppendEvents) STELE_DO(append(gathered, events));
  }
  STELE_DO(append(gathered, events));
  return count;
}

}  // namespace flights
