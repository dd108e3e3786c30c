// NDJSON out: a read's events, a line each, page after page as the client takes them, to the end as
// it was when the read began.
//
// Thread: the loop's.
#pragma once

#include <memory>
#include <optional>

#include "log/event_store/event_store.h"
#include "server/http/exchange.h"

namespace stele::http {

class PageSource final : public BodySource {
public:
  /// `limit`: events in all.
  PageSource(std::unique_ptr<log::EventCursor> cursor, std::optional<std::int64_t> limit)
      : cursor_(std::move(cursor)), left_(limit) {}

  /// Reads the first page, so that its errors and what it says of the stream can be told in the
  /// head. Errors as EventCursor::next().
  Result<log::PageSummary> begin();
  Next pump(std::string& out) override;

private:
  Result<log::PageSummary> read(std::string& out);

  std::unique_ptr<log::EventCursor> cursor_;
  std::optional<std::int64_t> left_;
  std::string first_;  ///< lines of the first page, until they are pumped
  bool ends_ = false;
};

}  // namespace stele::http
