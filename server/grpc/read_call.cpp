#include "server/grpc/read_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/grpc/decode.h"
#include "server/grpc/encode.h"

namespace stele::rpc {

ReadCall::~ReadCall() {
  world_.long_calls.remove(*this, world_.counters.reads);
}

void ReadCall::expect(CallWorld& world, const StreamedMethod& method) {
  const auto call = std::make_shared<ReadCall>(world, method);
  call->arrived_.start(world.queue, call, [&](void* tag) {
    method.request(&call->context_, &call->request_, &call->writer_, tag);
  });
}

void ReadCall::arrived(bool ok) {
  if (!ok) return;
  expect(world_, method_);
  if (const auto begun = begin(); !begun) {
    return send({.last = true, .failure = refused(begun.error())});
  }
  world_.readers.submit([self = shared_from_this()] { self->read_on(); });
}

Decoded<void> ReadCall::begin() {
  if (!world_.long_calls.add(*this, weak_from_this(), world_.counters.reads,
                             world_.options.reads_max)) {
    return std::unexpected(
        Fault{{Code::kOverloaded, fmt::format("reads_max={} are under way, or the server stops",
                                              world_.options.reads_max)}});
  }
  v1::ReadRequest request;
  if (!parse(request_, request)) return std::unexpected(malformed());
  STELE_TRY(asked_, decode_read(request));
  if (request.has_events_max()) {
    if (request.events_max() == 0) {
      return std::unexpected(
          Fault{{Code::kInvalid, "events_max: is 0; leave it out to read all"}, "events_max"});
    }
    events_left_ = request.events_max();
  }
  asked_.bytes_max = world_.options.page_bytes;
  asked_.events_max = world_.options.page_events;
  if (events_left_) {
    asked_.events_max =
        static_cast<std::size_t>(std::min<std::uint64_t>(asked_.events_max, *events_left_));
  }
  return {};
}

void ReadCall::read_on() {
  auto page = next_page();
  if (!page) page = Page{.last = true, .failure = refused(page.error())};
  send(*std::move(page));
}

Result<ReadCall::Page> ReadCall::next_page() {
  if (cursor_ == nullptr) {
    STELE_TRY(cursor_, world_.events.open(asked_, true));
  }
  WireWriter message(message_bytes_expected_);
  BatchWriter batch(message, v1::ReadResponse::kBatchFieldNumber, events_left_.value_or(SIZE_MAX));
  STELE_TRY(const log::PageSummary read, cursor_->next_into(batch));
  batch.finish();
  write_summary(message, read);
  if (events_left_) *events_left_ -= batch.count();
  world_.counters.pages_sent.fetch_add(1, std::memory_order_relaxed);
  world_.counters.events_sent.fetch_add(static_cast<std::int64_t>(batch.count()),
                                        std::memory_order_relaxed);
  // The next page is mostly as large.
  message_bytes_expected_ = message.size() + message.size() / 8;
  return Page{message.take(), read.end || events_left_ == 0};
}

void ReadCall::send(Page page) {
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return;
    if (std::exchange(writing_, true)) {
      waiting_ = std::move(page);
      return;
    }
  }
  write(page);
}

/// The next page is read while this one is under way.
void ReadCall::write(const Page& page) {
  write_.start(world_.queue, shared_from_this(), [&](void* tag) {
    if (page.failure) {
      writer_.Finish(*page.failure, tag);
    } else if (page.last) {
      writer_.WriteAndFinish(page.message, {}, ::grpc::Status::OK, tag);
    } else {
      writer_.Write(page.message, tag);
    }
  });
  if (!page.last) world_.readers.submit([self = shared_from_this()] { self->read_on(); });
}

void ReadCall::written(bool ok) {
  std::optional<Page> next;
  {
    const std::lock_guard lock(mutex_);
    broken_ = !ok;
    writing_ = ok && waiting_.has_value();
    next.swap(waiting_);
  }
  if (ok && next) write(*next);
}

}  // namespace stele::rpc
