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

  void let_go_of_frame() {
    frame.reset();
    body = {};
    client_id = {};
  }
};

/// Counts and sends a frame.
void send(const Request& request, Result<Frame> frame, std::chrono::nanoseconds now,
          std::vector<std::shared_ptr<const void>> owners = {});

/// `owners` keep the bytes that `response` borrows.
template <class M>
void answer(const Request& request, const M& response, std::chrono::nanoseconds now,
            std::vector<std::shared_ptr<const void>> owners = {}) {
  send(request, response_frame(request.correlation_id, request.version, response), now,
       std::move(owners));
}

}  // namespace stele::kafka
