// Driver: one way to reach an event store. What a scenario asks and gets is said in the types of
// log/event_store, whatever the surface; a driver translates.
//
// Each driver has a store of its own, in a temporary folder that goes with it.
// Thread: the test's.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/event_store/event_store.h"

namespace stele::scenarios {

/// What came of a subscription in one go.
struct Pushed {
  std::vector<log::RecordedEvent> events;
  bool caught_up = false;  ///< the end of the history was told, behind the events
  std::string token;       ///< the newest one that was told; empty: none
};

class Subscription {
public:
  virtual ~Subscription() = default;
  /// Waits until something comes. kCancelled: nothing within `longest`.
  virtual Result<Pushed> next(std::chrono::milliseconds longest) = 0;
};

class Driver {
public:
  virtual ~Driver() = default;

  virtual Result<void> create_topic(const std::string& name, std::int32_t partition_count) = 0;
  virtual log::EventAppendResult append(log::EventAppend append) = 0;
  virtual Result<log::ReadPage> read(const log::ReadRequest& request) = 0;
  virtual Result<std::unique_ptr<Subscription>> subscribe(const log::ReadRequest& request) = 0;
  virtual Result<log::StreamInfo> stream(const log::StreamName& name) = 0;
  virtual Result<void> set_limits(const log::StreamName& name, const log::StreamRules& limits) = 0;
  virtual Result<void> tombstone(const log::StreamName& name,
                                 const log::ExpectedVersion& expected) = 0;
  /// As kill -9 does it; subscriptions are lost.
  virtual Result<void> restart() = 0;
};

/// The C++ API in process.
std::unique_ptr<Driver> embedded_driver();
/// A steled of its own over gRPC.
std::unique_ptr<Driver> grpc_driver();
/// The same over HTTP; subscriptions are server-sent events, of the other one WebSockets.
std::unique_ptr<Driver> http_driver();
std::unique_ptr<Driver> web_socket_driver();

}  // namespace stele::scenarios
