#include "server/grpc/append_stream_call.h"

#include <fmt/format.h>

#include <utility>

#include <stele/v1/event_store.pb.h>
#include "server/grpc/encode.h"
#include "server/grpc/refusals.h"

namespace stele::rpc {

namespace {
constexpr std::size_t kWakeEvery = 16;  // appends of a message
}  // namespace

AppendStreamCall::~AppendStreamCall() {
  world_.long_calls.remove(*this, world_.counters.append_streams);
}

void AppendStreamCall::expect(CallWorld& world, const AppendStreamMethod& method) {
  const auto call = std::make_shared<AppendStreamCall>(world, method);
  call->arrived_.start(world.queue, call,
                       [&](void* tag) { method.request(&call->context_, &call->stream_, tag); });
}

void AppendStreamCall::arrived(bool ok) {
  if (!ok) return;
  expect(world_, method_);
  if (!world_.long_calls.add(*this, weak_from_this(), world_.counters.append_streams,
                             world_.options.append_streams_max)) {
    end_with(
        refused(Error{Code::kOverloaded,
                      fmt::format("append_streams_max={} streams are open, or the server stops",
                                  world_.options.append_streams_max)}));
  }
  go_on();
}

void AppendStreamCall::read_done(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok && !end_status_) end_status_ = ::grpc::Status::OK;
    ok = ok && !end_status_;
  }
  if (ok) take_message(message_.Length());
  go_on();
}

void AppendStreamCall::take_message(std::size_t bytes) {
  auto appends = decode_appends(WholeMessage(message_).view(), world_.options.append_count_max);
  message_.Clear();
  if (!appends) return end_with(refused(appends.error()));
  // The first ones are on their way to the disk while the others are planned.
  std::size_t submitted = 0;
  for (PipelinedAppend& append : *appends) {
    submit(append, bytes / appends->size());
    if (++submitted % kWakeEvery == 0) world_.gate.wake();
  }
  world_.gate.wake();
}

void AppendStreamCall::submit(PipelinedAppend& append, std::size_t bytes) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = first_number_ + slots_.size();
    slots_.push_back({.correlation_id = append.correlation_id, .bytes = bytes});
    slot_bytes_ += bytes;
  }
  if (!append.append) return refused_at(number, append.append.error());
  world_.events.submit(std::move(append.append->append),
                       [held = Unanswered(world_.unanswered), self = shared_from_this(), number,
                        with_ids = append.append->wants_ids](log::EventAppendResult result) {
                         self->answered(number, std::move(result), with_ids);
                       });
}

void AppendStreamCall::answered(std::uint64_t number, log::EventAppendResult result,
                                bool with_ids) {
  world_.counters.appends.fetch_add(1, std::memory_order_relaxed);
  if (result) {
    return answer(number, [&](WireWriter& to) {
      write_appended(to, v1::AppendAnswer::kAppendedFieldNumber, *result, with_ids);
    });
  }
  world_.counters.refused_appends.fetch_add(1, std::memory_order_relaxed);
  answer(number, [&](WireWriter& to) {
    const auto mark = to.begin(v1::AppendAnswer::kRefusalFieldNumber);
    write_refusal(to, result.error());
    to.end(mark);
  });
}

void AppendStreamCall::refused_at(std::uint64_t number, const Fault& fault) {
  world_.counters.refused_appends.fetch_add(1, std::memory_order_relaxed);
  answer(number, [&](WireWriter& to) {
    const auto mark = to.begin(v1::AppendAnswer::kRefusalFieldNumber);
    write_refusal(to, fault);
    to.end(mark);
  });
}

template <class Write>
void AppendStreamCall::answer(std::uint64_t number, const Write& write) {
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[number - first_number_];
    slot.answered = true;
    WireWriter apart;
    WireWriter& to = number == first_number_ ? ready_ : apart;
    const auto mark = to.begin(v1::AppendStreamResponse::kAnswersFieldNumber);
    to.number_unless_0(v1::AppendAnswer::kCorrelationIdFieldNumber, slot.correlation_id);
    write(to);
    to.end(mark);
    slot.answer = apart.view();
    take_ready_slots();
    ask = ready_count_ > 0 && !writing_ && !std::exchange(flush_asked_, true);
  }
  if (ask) world_.gate.flush_later(shared_from_this());
}

void AppendStreamCall::take_ready_slots() {
  while (!slots_.empty() && slots_.front().answered) {
    const Slot& slot = slots_.front();
    ready_.append(slot.answer);
    ready_bytes_ += slot.bytes;
    slot_bytes_ -= slot.bytes;
    ++ready_count_;
    ++first_number_;
    slots_.pop_front();
  }
}

bool AppendStreamCall::has_room() const {
  return slots_.size() + ready_count_ + writing_count_ < world_.options.append_count_max &&
         slot_bytes_ + ready_bytes_ + writing_bytes_ < world_.options.append_bytes_max;
}

void AppendStreamCall::flush() {
  {
    const std::lock_guard lock(mutex_);
    flush_asked_ = false;
  }
  go_on();
}

void AppendStreamCall::write_done(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    writing_count_ = writing_bytes_ = 0;
    if (!ok) broken_ = true;
  }
  go_on();
}

void AppendStreamCall::go_on() {
  ::grpc::ByteBuffer answers;
  bool write = false;
  bool read = false;
  bool finish = false;
  {
    const std::lock_guard lock(mutex_);
    if (broken_) {
      ready_.clear();
      ready_count_ = ready_bytes_ = 0;
    }
    if (ready_count_ > 0 && !writing_) {
      write = writing_ = true;
      writing_count_ = std::exchange(ready_count_, 0);
      writing_bytes_ = std::exchange(ready_bytes_, 0);
      answers = ready_.take();
    }
    if (!end_status_ && !reading_ && !broken_ && has_room()) read = reading_ = true;
    const bool answered_all = slots_.empty() && ready_count_ == 0 && !writing_;
    if (end_status_ && answered_all && !ended_) finish = ended_ = true;
  }
  if (write) {
    write_.start(world_.queue, shared_from_this(), [&](void* tag) { stream_.Write(answers, tag); });
  }
  if (read) {
    read_.start(world_.queue, shared_from_this(), [&](void* tag) { stream_.Read(&message_, tag); });
  }
  if (finish) {
    finish_.start(world_.queue, shared_from_this(),
                  [&](void* tag) { stream_.Finish(*end_status_, tag); });
  }
}

void AppendStreamCall::end_with(::grpc::Status status) {
  const std::lock_guard lock(mutex_);
  if (!end_status_) end_status_ = std::move(status);
}

void AppendStreamCall::drain() {
  end_with(refused(Error{Code::kClosed, "the server stops"}));
  go_on();
}

}  // namespace stele::rpc
