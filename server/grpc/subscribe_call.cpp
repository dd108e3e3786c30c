#include "server/grpc/subscribe_call.h"

#include <fmt/format.h>

#include <utility>

#include "server/grpc/decode.h"
#include "server/grpc/encode.h"

namespace stele::rpc {

namespace {
using R = v1::SubscribeResponse;
}  // namespace

SubscribeCall::~SubscribeCall() {
  world_.long_calls.remove(*this, world_.counters.subscriptions);
}

void SubscribeCall::expect(CallWorld& world, const StreamedMethod& method) {
  const auto call = std::make_shared<SubscribeCall>(world, method);
  call->gone_.start(world.queue, call, [&](void* tag) { call->context_.AsyncNotifyWhenDone(tag); });
  call->arrived_.start(world.queue, call, [&](void* tag) {
    method.request(&call->context_, &call->request_, &call->writer_, tag);
  });
}

void SubscribeCall::arrived(bool ok) {
  if (!ok) return gone_.forget();  // gRPC tells nothing of calls that never were
  expect(world_, method_);
  const auto begun = begin();
  if (begun) return submit_read();
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kWaiting;
  }
  end(refused(begun.error()));
}

Decoded<void> SubscribeCall::begin() {
  if (!world_.long_calls.add(*this, weak_from_this(), world_.counters.subscriptions,
                             world_.options.subscriptions_max)) {
    return std::unexpected(
        Fault{{Code::kOverloaded, fmt::format("subscriptions_max={} are open, or the server stops",
                                              world_.options.subscriptions_max)}});
  }
  v1::SubscribeRequest request;
  if (!parse(request_, request)) return std::unexpected(malformed());
  STELE_TRY(asked_, decode_subscribe(request));
  return {};
}

void SubscribeCall::submit_read() {
  world_.readers.submit([self = shared_from_this()] { self->read_on(); });
}

void SubscribeCall::read_on() {
  {
    const std::lock_guard lock(mutex_);
    more_ = false;
  }
  const auto polled = poll();
  std::optional<::grpc::Status> status;
  bool again = false;
  const bool has_messages = !messages_.empty();
  {
    const std::lock_guard lock(mutex_);
    if (!polled) status = refused(polled.error());
    if (!status && end_status_) status = end_status_;
    if (!status && !has_messages) {
      again = !subscription_->wants_wake() || std::exchange(more_, false);
    }
    state_ = again ? State::kReading : !status && has_messages ? State::kWriting : State::kWaiting;
  }
  if (status) return end(*std::move(status));
  if (again) return submit_read();
  if (has_messages) write_next();
}

Result<void> SubscribeCall::poll() {
  if (!subscription_) {
    STELE_TRY(subscription_, log::Subscription::open(world_.events, asked_,
                                                     {.events_max = world_.options.page_events,
                                                      .bytes_max = world_.options.page_bytes}));
  }
  WireWriter message(message_bytes_expected_);
  BatchWriter batch(message, R::kBatchFieldNumber);
  const Position before = subscription_->next();
  STELE_TRY(const log::SubscriptionFacts news, subscription_->poll_into(batch));
  // Its token is one to resume from: it does not stand behind the events that are told after it.
  if (news.fell_behind) tell(R::kFellBehindFieldNumber, before);
  if (news.last) {
    batch.finish();
    message.text(R::kTokenFieldNumber, world_.events.token(news.last->next()));
    message_bytes_expected_ = message.size() + message.size() / 8;
    messages_.push_back(message.take());
    world_.counters.events_sent.fetch_add(static_cast<std::int64_t>(batch.count()),
                                          std::memory_order_relaxed);
  }
  if (news.checkpoint) tell(R::kCheckpointFieldNumber, subscription_->next());
  if (news.caught_up) tell(R::kCaughtUpFieldNumber, subscription_->next());
  return {};
}

void SubscribeCall::tell(std::uint32_t field, Position next) {
  const std::string token = world_.events.token(next);
  WireWriter message;
  const auto mark = message.begin(field);
  message.text(v1::Checkpoint::kTokenFieldNumber, token);
  message.number(v1::Checkpoint::kPositionFieldNumber, static_cast<std::uint64_t>(next.raw()));
  message.end(mark);
  message.text(R::kTokenFieldNumber, token);
  messages_.push_back(message.take());
}

void SubscribeCall::write_next() {
  write_.start(world_.queue, shared_from_this(),
               [&](void* tag) { writer_.Write(messages_.front(), tag); });
}

void SubscribeCall::written(bool ok) {
  std::optional<::grpc::Status> status;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    messages_.pop_front();
    more = !messages_.empty();
    state_ = !ok ? State::kEnded : more ? State::kWriting : State::kReading;
    if (ok && end_status_) {
      state_ = State::kWaiting;
      status = end_status_;
    }
  }
  if (status) return end(*std::move(status));
  if (!ok) return;
  if (more) return write_next();
  submit_read();
}

void SubscribeCall::advanced() {
  {
    const std::lock_guard lock(mutex_);
    more_ = true;
    if (state_ != State::kWaiting || end_status_) return;
    state_ = State::kReading;
  }
  submit_read();
}

void SubscribeCall::end(::grpc::Status status) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_status_) end_status_ = std::move(status);
    if (state_ != State::kWaiting) return;
    state_ = State::kEnded;
  }
  finish_.start(world_.queue, shared_from_this(),
                [&](void* tag) { writer_.Finish(*end_status_, tag); });
}

void SubscribeCall::gone(bool /*ok*/) {
  const std::lock_guard lock(mutex_);
  if (!end_status_) end_status_ = ::grpc::Status::CANCELLED;
  if (state_ == State::kWaiting) state_ = State::kEnded;
}

void SubscribeCall::drain() {
  end(refused(Error{Code::kClosed, "the server stops"}));
}

}  // namespace stele::rpc
