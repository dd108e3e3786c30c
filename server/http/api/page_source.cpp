#include "server/http/api/page_source.h"

#include "server/cloudevents/encode.h"
#include "server/core/log.h"

namespace stele::http {

BodySource::Next PageSource::pump(std::string& out) {
  if (!page_) {
    auto page = cursor_->next();
    if (!page) {
      server::log_warn("http_read_aborted reason=\"{}\"", page.error().text());
      return Next::kAbort;
    }
    page_ = *std::move(page);
  }
  for (const log::RecordedEvent& event : page_->events) {
    if (left_ && (*left_)-- == 0) return Next::kEnd;
    cloudevents::write_event(event, out);
    out += '\n';
  }
  const bool ends = page_->end || (left_ && *left_ == 0);
  page_.reset();
  return ends ? Next::kEnd : Next::kMore;
}

}  // namespace stele::http
