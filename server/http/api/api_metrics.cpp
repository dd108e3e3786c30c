#include "server/http/api/api_metrics.h"

namespace stele::http {

std::string_view name(ReadForm form) {
  switch (form) {
    case ReadForm::kPage:
      return "page";
    case ReadForm::kBatch:
      return "batch";
    case ReadForm::kLines:
      return "lines";
    case ReadForm::kEventStream:
      return "event_stream";
    case ReadForm::kWebSocket:
      return "web_socket";
  }
  return "";
}

void ApiMetrics::count_answer(const log::EventAppendResult& result) {
  if (!result) {
    ++refused_[static_cast<std::size_t>(result.error().error.code)];
  } else if (result->duplicate) {
    ++duplicates_;
  } else {
    ++appended_;
    events_ += static_cast<std::int64_t>(result->events.size());
  }
}

void ApiMetrics::print(server::PrometheusText& text) const {
  auto& appends = text.counter("stele_http_appends_total", "Appends over HTTP, by outcome.");
  appends.sample(server::label("outcome", "appended"), appended_);
  appends.sample(server::label("outcome", "duplicate"), duplicates_);
  for (std::size_t code = 0; code < kCodeCount; ++code) {
    if (refused_[code] == 0) continue;
    appends.sample(server::label("outcome", name(static_cast<Code>(code))), refused_[code]);
  }
  text.counter("stele_http_appended_events_total", "Events appended over HTTP.")
      .sample("", events_);
  text.counter("stele_http_expectations_total", "Expected versions that appends asked to check.")
      .sample("", expectations_);
  text.counter("stele_http_conditions_total", "Append conditions that appends asked to check.")
      .sample("", conditions_);
  auto& reads = text.counter("stele_http_reads_total", "Reads over HTTP, by form.");
  for (const ReadForm form : kReadForms) {
    reads.sample(server::label("form", name(form)), reads_[static_cast<std::size_t>(form)]);
  }
}

}  // namespace stele::http
