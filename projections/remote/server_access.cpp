#include "projections/remote/server_access.h"

#include <google/protobuf/arena.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <climits>

#include "log/base/fail.h"
#include "projections/remote/event_messages.h"
#include "projections/remote/request_messages.h"

namespace stele::projections {
namespace {

// Packed messages are about 256 KiB, but a single event may be larger than gRPC's own 4 MiB.
std::shared_ptr<::grpc::Channel> connect(const std::string& address) {
  ::grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(INT_MAX);
  return ::grpc::CreateCustomChannel(address, ::grpc::InsecureChannelCredentials(), arguments);
}

Position position_of(std::uint64_t number) {
  return Position(static_cast<std::int64_t>(number));
}

/// What is read of a page, message by message.
struct PageReading {
  const log::ReadRequest& request;
  log::EventSink& sink;
  log::PageSummary page;
  std::size_t bytes = 0;
  MessageView view;

  bool past = false;  ///< it has come to ReadRequest::below

  void take(const v1::ReadResponse& message);
  [[nodiscard]] bool full() const {
    return past || page.event_count >= request.events_max || bytes >= request.bytes_max;
  }
};

void PageReading::take(const v1::ReadResponse& message) {
  for (const v1::RecordedEvent& event : message.batch().events()) {
    const log::EventView& seen = view.read(message.batch(), event);
    past = request.below && seen.place.position >= *request.below;
    if (past) break;
    sink.take(seen);
    page.last = seen.place.position;
    ++page.event_count;
  }
  bytes += message.ByteSizeLong();
  page.end = past || message.end();
  page.as_of = position_of(message.as_of());
  page.next = message.next_token();
  if (message.has_last_version())
    page.last_version = Version(static_cast<std::int64_t>(message.last_version()));
  if (message.has_first_version())
    page.first_version = Version(static_cast<std::int64_t>(message.first_version()));
}

}  // namespace

ServerAccess::ServerAccess(std::string address, std::chrono::milliseconds answer_within)
    : place_("stele server " + address),
      answer_within_(answer_within),
      channel_(connect(address)),
      stub_(v1::EventStore::NewStub(channel_)),
      admin_(v1::Admin::NewStub(channel_)) {}

void ServerAccess::limit(::grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + answer_within_);
  context.set_wait_for_ready(true);
}

log::EventAppendResult ServerAccess::append(log::EventAppend append) {
  const v1::AppendRequest request = append_message(append);
  v1::AppendResponse response;
  ::grpc::ClientContext context;
  limit(context);
  const ::grpc::Status status = stub_->Append(&context, request, &response);
  if (!status.ok()) return std::unexpected(refusal_of(status, append, place_ + ": append"));
  if (response.has_refusal()) return std::unexpected(refusal_of(response.refusal(), append));
  return appended_of(response.appended(), append);
}

Result<log::PageSummary> ServerAccess::read_into(const log::ReadRequest& request,
                                                 log::EventSink& sink) {
  ::grpc::ClientContext context;
  limit(context);
  const auto reader = stub_->Read(&context, read_message(request));
  PageReading reading{.request = request, .sink = sink, .page = {}, .view = {}};
  google::protobuf::Arena arena;
  while (!reading.full()) {
    auto* message = google::protobuf::Arena::CreateMessage<v1::ReadResponse>(&arena);
    if (!reader->Read(message)) break;
    reading.take(*message);
    arena.Reset();
  }
  if (reading.full()) context.TryCancel();  // what follows is another page's
  const bool cut = reading.full();
  const ::grpc::Status status = reader->Finish();
  if (!status.ok() && !cut) return std::unexpected(error_of(status, place_ + ": read"));
  if (reading.past) {
    STELE_TRY(reading.page.next, token(*request.below));
  }
  return std::move(reading.page);
}

Result<v1::ReadResponse> ServerAccess::read_one(v1::ReadRequest request) {
  request.set_events_max(1);
  ::grpc::ClientContext context;
  limit(context);
  const auto reader = stub_->Read(&context, request);
  v1::ReadResponse last;
  v1::ReadResponse message;
  while (reader->Read(&message)) {
    const bool has_event = last.has_batch();
    v1::EventBatch batch = has_event ? std::move(*last.mutable_batch()) : v1::EventBatch();
    last = message;
    if (has_event) *last.mutable_batch() = std::move(batch);
  }
  const ::grpc::Status status = reader->Finish();
  if (!status.ok()) return std::unexpected(error_of(status, place_ + ": read"));
  return last;
}

Result<Position> ServerAccess::end() {
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  request.set_direction(v1::DIRECTION_BACKWARD);
  STELE_TRY(const v1::ReadResponse page, read_one(std::move(request)));
  return position_of(page.as_of());
}

Result<Position> ServerAccess::find_recorded(std::int64_t recorded_us) {
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  request.mutable_from()->set_recorded_us(std::max<std::int64_t>(recorded_us, 0));
  STELE_TRY(const v1::ReadResponse page, read_one(std::move(request)));
  if (page.batch().events_size() == 0) return position_of(page.as_of());
  return position_of(page.batch().events(0).position());
}

Result<Position> ServerAccess::pass_over(const std::vector<std::string>& topics, Position next) {
  v1::ReadRequest request;
  select_topics(*request.mutable_selection(), topics);
  request.mutable_from()->set_position(static_cast<std::uint64_t>(next.raw()));
  STELE_TRY(const v1::ReadResponse page, read_one(std::move(request)));
  const bool nothing = page.batch().events_size() == 0 && page.end();
  return nothing ? std::max(next, position_of(page.as_of())) : next;
}

Result<void> ServerAccess::check_topics(const std::vector<std::string>& topics) {
  ::grpc::ClientContext context;
  limit(context);
  v1::ListTopicsResponse there;
  const ::grpc::Status status = admin_->ListTopics(&context, {}, &there);
  if (!status.ok()) return std::unexpected(error_of(status, place_ + ": topics"));
  for (const std::string& topic : topics) {
    if (std::ranges::find(there.topics(), topic, &v1::Topic::name) == there.topics().end())
      return fail(Code::kNotFound, "{}: topic {} does not exist", place_, topic);
  }
  return {};
}

Result<log::TokenPlace> ServerAccess::store() {
  {
    const std::lock_guard lock(mutex_);
    if (store_) return *store_;
  }
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  request.set_direction(v1::DIRECTION_BACKWARD);
  STELE_TRY(const v1::ReadResponse page, read_one(std::move(request)));
  STELE_TRY(const log::TokenPlace told, log::decode_token(page.next_token()));
  const std::lock_guard lock(mutex_);
  store_ = told;
  return told;
}

void ServerAccess::forget_store() {
  const std::lock_guard lock(mutex_);
  store_.reset();
}

Result<std::string> ServerAccess::token(Position next) {
  STELE_TRY(log::TokenPlace place, store());
  place.next = next;
  return log::encode_token(place);
}

// A token of the timeline that the server is on is good; of another one the server says.
Result<Position> ServerAccess::parse_token(std::string_view token) {
  STELE_TRY(const log::TokenPlace place, log::decode_token(token));
  STELE_TRY(const log::TokenPlace ours, store());
  if (place.store == ours.store && place.timeline == ours.timeline) return place.next;
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  request.mutable_from()->set_token(std::string(token));
  STELE_TRY(const v1::ReadResponse page, read_one(std::move(request)));
  static_cast<void>(page);
  forget_store();  // the server takes it: it is on another timeline than it was
  return place.next;
}

}  // namespace stele::projections
