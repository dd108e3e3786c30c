#include "server/kafka/request.h"

#include "server/core/log.h"

namespace stele::kafka {

void send(const Request& request, Result<Frame> frame, std::chrono::nanoseconds now,
          std::vector<std::shared_ptr<const void>> owners) {
  if (!frame) {  // a value that the version cannot say: a bug of ours, not the client's
    server::log_error("response_not_sent api={} version={} reason=\"{}\"", api_of(request.api).name,
                      request.version, frame.error().detail);
    return request.reply->abort();
  }
  Metrics::ForApi& counted = request.metrics->of(request.api);
  counted.latency.add(now - request.arrived);
  counted.response_bytes += static_cast<std::int64_t>(frame->size());
  request.reply->send({*std::move(frame), std::move(owners)});
}

}  // namespace stele::kafka
