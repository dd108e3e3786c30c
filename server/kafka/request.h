// A request on its way through a handler, and how it is answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/kafka/connection.h"
#include "server/kafka/metrics.h"
#include "server/kafka/quotas.h"
#include "server/kafka/reply.h"
#include "server/kafka/wire/codec.h"

namespace stele::kafka {

/// Copied into whatever outlives the handler's call; such a copy lets go of `frame` when nothing
/// of it is viewed any longer.
struct Request {
  ApiKey api = ApiKey::kApiVersions;
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string_view client_id{};  ///< views the frame
  ByteView body{};               ///< views the frame
  server::BufferPtr frame{};
  std::chrono::nanoseconds arrived{0};
  ReplyPtr reply{};
  Metrics* metrics = nullptr;
  Quotas* quotas = nullptr;           ///< set where `quota` is
  QuotaClientPtr quota{};             ///< null: nothing limits the client
  std::chrono::nanoseconds pause{0};  ///< that the client owes already

  void let_go_of_frame() {
    frame.reset();
    body = {};
    client_id = {};
  }
};

/// The message in a request's body; errors as of read(). Bytes behind it are let be, as Kafka does:
/// librdkafka leaves some behind null lists (its issue 5049).
template <class M>
[[nodiscard]] Result<M> read_body(const Request& request) {
  ByteView bytes = request.body;
  return read_prefix<M>(request.version, bytes);
}

/// Counts and sends a frame.
void send(const Request& request, Result<Frame> frame, std::chrono::nanoseconds now,
          std::vector<std::shared_ptr<const void>> owners = {});

/// Charges the request to its client, whose channel is muted for as long as it must pause; the
/// answer, if there is one, says so and leaves at once (KIP-219). Returns that time.
std::chrono::milliseconds charge(const Request& request, std::chrono::nanoseconds now);

/// `owners` keep the bytes that `response` borrows.
template <class M>
void answer(const Request& request, const M& response, std::chrono::nanoseconds now,
            std::vector<std::shared_ptr<const void>> owners = {}) {
  const auto pause = charge(request, now);
  if constexpr (requires { response.throttle_time_ms; }) {
    if (pause.count() > 0) {
      M told = response;
      told.throttle_time_ms = static_cast<std::int32_t>(pause.count());
      return send(request, response_frame(request.correlation_id, request.version, told), now,
                  std::move(owners));
    }
  }
  send(request, response_frame(request.correlation_id, request.version, response), now,
       std::move(owners));
}

}  // namespace stele::kafka
