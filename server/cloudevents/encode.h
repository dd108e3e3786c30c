// Events as CloudEvents 1.0 JSON, and the JSON bodies of answers. docs/events.md and docs/http.md
// are their pages. Everything is written on one line, whatever the data, behind what `out` holds.
//
//   {"specversion":"1.0","id":"8f0c","source":"/shop","type":"OrderPlaced","time":"2013-01-01T05:17:00Z",
//    "datacontenttype":"application/json","tags":"order:17","stream":"order-17","version":"0",
//    "position":"170","recordedtime":"…","topic":"orders","partition":3,"offset":"17","data":{"total":12}}
//
// Nothing is allocated but by the growth of `out`, for events without tags and headers.
// Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "log/event_store/event_store.h"
#include "log/events/event_view.h"
#include "server/cloudevents/json_writer.h"

namespace stele::cloudevents {

void write_event(const log::EventView& event, std::string& out);
void write_event(const log::RecordedEvent& event, std::string& out);
/// [event,…] (application/cloudevents-batch+json)
void write_batch(std::span<const log::RecordedEvent> events, std::string& out);

/// The member "stream" if the key is UTF-8, else "streambase64".
void write_stream_name(std::string_view key, JsonObject& object);

/// True for application/json, text/json and …+json, whatever the parameters.
[[nodiscard]] bool is_json_content(std::string_view content_type);

/// Ends a page, {"events":[…] so far: ,"end":true,"asOf":"…","next":"token","lastVersion":"…",
/// "firstVersion":"…"}
void write_page_end(const log::PageSummary& page, std::string& out);
/// {"events":[{"id","position","partition","offset","version"}…],"recordedTime","duplicate","token"}
void write_appended(const log::AppendedEvents& appended, std::string& out);
/// {"topic","stream","lastVersion","firstVersion","maxCount","maxAgeMs","truncateBefore","tombstoned"};
/// what is not there is null
void write_stream(const log::StreamInfo& info, std::string& out);

/// What an error is over HTTP: one table for all codes.
struct Problem {
  unsigned status;
  std::string_view title;
};
[[nodiscard]] Problem problem_of(Code code);
[[nodiscard]] inline unsigned http_status(Code code) {
  return problem_of(code).status;
}

/// problem+json (RFC 9457): {"type":"/problems/not_found","title","status","detail","code"}.
/// `status`: as answered, usually http_status().
void write_problem(const Error& error, unsigned status, std::string& out);
/// The same with "expectations", "conditions", "conflicts", and "actualVersion" if one stream
/// failed.
void write_problem(const log::AppendRefusal& refusal, std::string& out);

}  // namespace stele::cloudevents
