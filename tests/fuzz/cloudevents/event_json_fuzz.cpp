// Any text as a CloudEvent, alone and as a batch. What is an event, and legal, goes into a record
// and comes out as the same event; what is written of it is read again as the same.
#include <cstdint>
#include <string>

#include "log/base/check.h"
#include "log/events/event_record.h"
#include "log/format/records.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"

namespace stele::cloudevents {
namespace {

/// The event's record, read as an event.
log::RecordedEvent recorded(const log::NewEvent& event) {
  log::EventEncoder encoder;
  BatchBuilder builder;
  STELE_CHECK(builder.add(encoder.encode(event, 1'000).value()));
  const Bytes batch = builder.finish().value();
  RecordReader reader(parse_batch_header(batch).value(),
                      ByteView(batch).subspan(kBatchHeaderBytes));
  STELE_CHECK(reader.next());
  return log::read_event({.topic = "t"}, reader.record());
}

void take(std::string_view text) {
  (void)parse_batch("orders", text);
  (void)find_text(text, "/data/a/0");
  const auto event = parse_event(text);
  if (!event || !log::check_event(*event)) return;
  const log::RecordedEvent first = recorded(*event);
  std::string json;
  write_event(first, json);
  STELE_CHECK(json.find('\n') == std::string::npos);
  const auto again = parse_event(json);
  STELE_CHECK(again.has_value());
  const log::RecordedEvent second = recorded(*again);
  STELE_CHECK(second.id == first.id && second.type == first.type && second.tags == first.tags);
  STELE_CHECK(second.stream == first.stream && second.source == first.source);
}

}  // namespace
}  // namespace stele::cloudevents

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::cloudevents::take({reinterpret_cast<const char*>(data), size});
  return 0;
}
