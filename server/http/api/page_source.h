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
  /// `first` is the page that the cursor has given already; `limit`: events in all.
  PageSource(std::unique_ptr<log::EventCursor> cursor, log::ReadPage first,
             std::optional<std::int64_t> limit)
      : cursor_(std::move(cursor)), page_(std::move(first)), left_(limit) {}

  Next pump(std::string& out) override;

private:
  std::unique_ptr<log::EventCursor> cursor_;
  std::optional<log::ReadPage> page_;
  std::optional<std::int64_t> left_;
};

}  // namespace stele::http
