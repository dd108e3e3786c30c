// EventAccess of a store behind a Stele server, over gRPC (proto/stele/v1, docs/grpc.md).
// Internal to this folder. Threads: any.
#pragma once

#include <grpcpp/channel.h>
#include <stele/v1/admin.grpc.pb.h>
#include <stele/v1/event_store.grpc.pb.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/token.h"
#include "projections/sources/event_access.h"

namespace stele::projections {

class ServerAccess final : public EventAccess {
public:
  ServerAccess(std::string address, std::chrono::milliseconds answer_within);

  log::EventAppendResult append(log::EventAppend append) override;
  Result<log::PageSummary> read_into(const log::ReadRequest& request,
                                     log::EventSink& sink) override;
  Result<Position> end() override;
  /// Of events that are removed the next one's: there is nothing between.
  Result<Position> find_recorded(std::int64_t recorded_us) override;
  Result<std::string> token(Position next) override;
  Result<Position> parse_token(std::string_view token) override;

  /// kNotFound names a topic that is not there.
  Result<void> check_topics(const std::vector<std::string>& topics);
  /// `next`, or if no event of the topics stands behind it, the end.
  Result<Position> pass_over(const std::vector<std::string>& topics, Position next);
  /// Which store and timeline the server has; asked once, and again by forget_store().
  Result<log::TokenPlace> store();
  void forget_store();

  [[nodiscard]] v1::EventStore::Stub& stub() { return *stub_; }
  [[nodiscard]] const std::string& place() const { return place_; }

private:
  /// A read of one event of the store, and what its page says.
  Result<v1::ReadResponse> read_one(v1::ReadRequest request);
  void limit(::grpc::ClientContext& context) const;

  std::string place_;  ///< for messages
  std::chrono::milliseconds answer_within_;
  std::shared_ptr<::grpc::Channel> channel_;
  std::unique_ptr<v1::EventStore::Stub> stub_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::mutex mutex_;
  std::optional<log::TokenPlace> store_;
};

}  // namespace stele::projections
