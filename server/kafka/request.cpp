#include "server/kafka/request.h"

#include <algorithm>

#include "server/core/log.h"

namespace stele::kafka {

namespace {

constexpr std::chrono::nanoseconds kTimePauseMax = std::chrono::seconds(1);  // as Kafka's

}  // namespace

std::chrono::milliseconds charge(const Request& request, std::chrono::nanoseconds now) {
  if (!request.quota) return std::chrono::milliseconds(0);
  QuotaClient& client = *request.quota;
  const auto for_time = client.record(QuotaKind::kRequestTime, request.quotas->take_work(now), now);
  const auto pause = std::max(request.pause, std::min(for_time, kTimePauseMax));
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(pause);
  if (rounded.count() > 0) {
    request.metrics->of(request.api).throttled_ms += rounded.count();
    request.reply->pause(rounded);
  }
  return rounded;
}

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
