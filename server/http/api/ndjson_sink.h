// NDJSON in: an event a line, appended in batches while the body arrives.
//
//   pieces ─► lines ─► a batch ─► submitted (one at a time; the next is filled meanwhile) ─►
//   counted
//
// A batch ends after 1,000 lines or 512 KiB of lines, whatever the pieces were: a file sent again
// makes the same batches, so that those whose events have ids are recognized. The first bad line
// ends the upload: what stands before it is appended, the answer names it. At most two batches are
// in memory. Thread: the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/api/api.h"
#include "server/http/api/call.h"
#include "server/http/exchange.h"

namespace stele::http {

inline constexpr std::size_t kLineBytesMax = 1 << 20;
inline constexpr std::size_t kUploadBatchLines = 1000;
inline constexpr std::size_t kUploadBatchBytes = 512 << 10;

/// Where the lines go.
struct NdjsonTarget {
  std::string topic;
  std::optional<std::string> stream;  ///< of all lines
  std::string stream_from;  ///< an attribute, or "/a/b", a JSON pointer into the line; empty: not
};

/// Of ?stream=subject, ?stream=/data/order/id. kInvalid.
[[nodiscard]] Result<NdjsonTarget> ndjson_target(const Call& call,
                                                 std::optional<log::StreamName> stream);

class NdjsonSink final : public BodySink {
public:
  NdjsonSink(Api& api, NdjsonTarget target, ExchangePtr exchange);
  ~NdjsonSink() override;

  void take(std::string_view piece) override;
  void end() override;
  void stop(unsigned status, std::string_view why) override;
  [[nodiscard]] bool wants_more() const override;

private:
  struct Upload;
  std::shared_ptr<Upload> upload_;  ///< lives on until its last batch is answered
};

}  // namespace stele::http
