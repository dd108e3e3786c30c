// Events of proto/stele/v1 as the store's views, and as what a fold takes.
// Internal to this folder. Thread: a MessageView is its owner's; lots are immutable.
#pragma once

#include <google/protobuf/arena.h>
#include <stele/v1/event_store.pb.h>

#include <deque>
#include <string>
#include <vector>

#include "log/events/event_view.h"
#include "projections/sources/source.h"

namespace stele::projections {

/// Shows events of a message one after the other. Topic ids are not told over gRPC: they are zero.
class MessageView {
public:
  MessageView() = default;
  MessageView(const MessageView&) = delete;
  MessageView& operator=(const MessageView&) = delete;

  /// Valid until the next call, as long as the message.
  const log::EventView& read(const v1::EventBatch& batch, const v1::RecordedEvent& event);

private:
  log::EventView view_;
  std::vector<std::string_view> tags_;
  std::vector<HeaderView> extensions_;
  std::vector<HeaderView> headers_;
};

/// The topic of an event; empty: the message names none of this number.
[[nodiscard]] std::string_view topic_of(const v1::EventBatch& batch,
                                        const v1::RecordedEvent& event);

/// A lot out of one message of a subscription, which it owns. Headers stand as an append writes
/// them (docs/events.md): what a Kafka producer wrote in another order, or left out, comes so.
class MessageLot final : public Lot {
public:
  MessageLot();

  /// To be filled before take().
  [[nodiscard]] v1::SubscribeResponse& message() { return *message_; }
  /// Events of the message's batch, all of them.
  void take_events();

private:
  void add_headers(std::string_view topic, const v1::RecordedEvent& event);
  void add_header(std::string_view name, std::string_view value);

  google::protobuf::Arena arena_;
  v1::SubscribeResponse* message_;
  std::vector<InputEvent> events_;
  std::vector<HeaderView> headers_;
  std::deque<std::string> made_;  ///< which do not move
};

}  // namespace stele::projections
