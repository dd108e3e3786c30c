#include "server/http/api/page_source.h"

#include "server/cloudevents/encode.h"
#include "server/core/log.h"

namespace stele::http {

namespace {

/// Writes a line for each event, as long as some are wanted.
class LineSink final : public log::EventSink {
public:
  LineSink(std::string& out, std::optional<std::int64_t>& left) : out_(out), left_(left) {}

  void take(const log::EventView& event) override {
    if (left_ && *left_ == 0) return;
    if (left_) --*left_;
    cloudevents::write_event(event, out_);
    out_ += '\n';
  }

private:
  std::string& out_;
  std::optional<std::int64_t>& left_;
};

}  // namespace

Result<log::PageSummary> PageSource::read(std::string& out) {
  LineSink sink(out, left_);
  auto page = cursor_->next_into(sink);
  ends_ = !page || page->end || (left_ && *left_ == 0);
  return page;
}

Result<log::PageSummary> PageSource::begin() {
  return read(first_);
}

BodySource::Next PageSource::pump(std::string& out) {
  if (!first_.empty() || ends_) {
    out += std::exchange(first_, {});
  } else if (const auto page = read(out); !page) {
    server::log_warn("http_read_aborted reason=\"{}\"", page.error().text());
    return Next::kAbort;
  }
  return ends_ ? Next::kEnd : Next::kMore;
}

}  // namespace stele::http
