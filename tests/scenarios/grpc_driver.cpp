// gRPC, by the C++ stubs of proto/stele/v1.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <stele/v1/admin.grpc.pb.h>
#include <stele/v1/event_store.grpc.pb.h>
#include "log/base/fail.h"
#include "tests/scenarios/driver.h"
#include "tests/scenarios/grpc_messages.h"
#include "tests/scenarios/steled_process.h"

namespace stele::scenarios {
namespace {

std::unexpected<Error> error_of(const grpc::Status& status) {
  return std::unexpected(refusal_of(status).error);
}

bool same(const log::AppendRefusal& one, const log::AppendRefusal& other) {
  const auto failed_alike = [](const log::FailedExpectation& a, const log::FailedExpectation& b) {
    return a.index == b.index && a.stream == b.stream && a.actual == b.actual &&
           a.tombstoned == b.tombstoned;
  };
  const auto conflict_alike = [](const log::FailedCondition& a, const log::FailedCondition& b) {
    return a.index == b.index && a.item == b.item && a.conflict == b.conflict;
  };
  return one.error.code == other.error.code && one.conflicts == other.conflicts &&
         std::ranges::equal(one.expectations, other.expectations, failed_alike) &&
         std::ranges::equal(one.conditions, other.conditions, conflict_alike);
}

/// Reads on a thread of its own, so that waiting has a limit.
class GrpcSubscription final : public Subscription {
public:
  GrpcSubscription(v1::EventStore::Stub& stub, const v1::SubscribeRequest& request)
      : reader_(stub.Subscribe(&context_, request)), thread_([this] { read(); }) {}
  GrpcSubscription(const GrpcSubscription&) = delete;
  GrpcSubscription& operator=(const GrpcSubscription&) = delete;
  ~GrpcSubscription() override {
    context_.TryCancel();
    thread_.join();
  }

  Result<Pushed> next(std::chrono::milliseconds longest) override {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, longest, [&] { return !pushed_.empty() || ended_; }))
      return fail(Code::kCancelled, "nothing came");
    if (pushed_.empty()) return error_of(status_);
    Pushed one = std::move(pushed_.front());
    pushed_.pop_front();
    return one;
  }

private:
  void read() {
    v1::SubscribeResponse response;
    while (reader_->Read(&response)) {
      Pushed one;
      add(response.batch(), one.events);
      one.caught_up = response.has_caught_up();
      one.token = response.token();
      if (response.has_checkpoint()) one.token = response.checkpoint().token();
      if (response.has_caught_up()) one.token = response.caught_up().token();
      if (response.has_fell_behind()) one.token = response.fell_behind().token();
      const std::lock_guard lock(mutex_);
      pushed_.push_back(std::move(one));
      changed_.notify_one();
    }
    const grpc::Status status = reader_->Finish();
    const std::lock_guard lock(mutex_);
    status_ = status;
    ended_ = true;
    changed_.notify_one();
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pushed> pushed_;
  grpc::Status status_;
  bool ended_ = false;
  std::thread thread_;
};

class GrpcDriver final : public Driver {
public:
  GrpcDriver() { connect(); }

  Result<void> create_topic(const std::string& name, std::int32_t partition_count) override {
    v1::CreateTopicRequest request;
    request.set_name(name);
    request.set_partition_count(static_cast<std::uint32_t>(partition_count));
    v1::CreateTopicResponse response;
    return call([&](auto* context) { return admin_->CreateTopic(context, request, &response); });
  }

  /// Append and AppendStream take turns; what one refuses the other has to refuse alike.
  log::EventAppendResult append(log::EventAppend append) override {
    const v1::AppendRequest request = message_of(append);
    const bool pipelined = ++appends_asked_ % 2 == 0;
    auto result = ask(pipelined, append, request);
    if (result) return result;
    const auto other = ask(!pipelined, append, request);
    if (!other && same(result.error(), other.error())) return result;
    return std::unexpected(
        log::AppendRefusal{{Code::kCorrupt, "Append and AppendStream answer differently"}});
  }

  Result<log::ReadPage> read(const log::ReadRequest& asked) override {
    v1::ReadRequest request;
    put(asked.select, *request.mutable_selection());
    put(asked.from, *request.mutable_from());
    put(asked.filter, *request.mutable_filter());
    request.set_direction(asked.direction == log::Direction::kForward ? v1::DIRECTION_FORWARD
                                                                      : v1::DIRECTION_BACKWARD);
    request.set_events_max(asked.events_max);
    request.set_versions(asked.versions);
    grpc::ClientContext context;
    const auto reader = events_->Read(&context, request);
    log::ReadPage page;
    v1::ReadResponse response;
    while (reader->Read(&response)) {
      add(response.batch(), page.events);
      page.end = response.end();
      page.as_of = position_of(response.as_of());
      page.next = response.next_token();
      if (response.has_last_version()) page.last_version = version_of(response.last_version());
      if (response.has_first_version()) page.first_version = version_of(response.first_version());
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return error_of(status);
    return page;
  }

  Result<std::unique_ptr<Subscription>> subscribe(const log::ReadRequest& asked) override {
    v1::SubscribeRequest request;
    put(asked.select, *request.mutable_selection());
    put(asked.from, *request.mutable_from());
    put(asked.filter, *request.mutable_filter());
    request.set_versions(asked.versions);
    return std::make_unique<GrpcSubscription>(*events_, request);
  }

  Result<log::StreamInfo> stream(const log::StreamName& name) override {
    v1::GetStreamRequest request;
    request.set_topic(name.topic);
    request.set_stream(name.stream);
    v1::GetStreamResponse response;
    STELE_DO(call([&](auto* context) { return events_->GetStream(context, request, &response); }));
    log::StreamInfo info{.name = name, .last_version = {}, .first_version = {}, .rules = {}};
    if (response.has_last_version()) info.last_version = version_of(response.last_version());
    if (response.has_first_version()) info.first_version = version_of(response.first_version());
    const v1::StreamLimits& limits = response.limits();
    if (limits.has_max_count())
      info.rules.max_count = static_cast<std::int64_t>(limits.max_count());
    if (limits.has_max_age_ms())
      info.rules.max_age_ms = static_cast<std::int64_t>(limits.max_age_ms());
    if (limits.has_truncate_before())
      info.rules.truncate_before = version_of(limits.truncate_before());
    info.rules.tombstoned = response.tombstoned();
    return info;
  }

  Result<void> set_limits(const log::StreamName& name, const log::StreamRules& limits) override {
    v1::SetStreamLimitsRequest request;
    request.set_topic(name.topic);
    request.set_stream(name.stream);
    v1::StreamLimits& into = *request.mutable_limits();
    if (limits.max_count) into.set_max_count(static_cast<std::uint64_t>(*limits.max_count));
    if (limits.max_age_ms) into.set_max_age_ms(static_cast<std::uint64_t>(*limits.max_age_ms));
    if (limits.truncate_before) into.set_truncate_before(raw(*limits.truncate_before));
    v1::SetStreamLimitsResponse response;
    return call(
        [&](auto* context) { return events_->SetStreamLimits(context, request, &response); });
  }

  Result<void> tombstone(const log::StreamName& name,
                         const log::ExpectedVersion& expected) override {
    v1::TombstoneRequest request;
    request.set_topic(name.topic);
    request.set_stream(name.stream);
    put(expected, *request.mutable_expected());
    v1::TombstoneResponse response;
    return call([&](auto* context) { return events_->Tombstone(context, request, &response); });
  }

  Result<void> restart() override {
    appends_.reset();
    append_context_.reset();
    steled_.restart();
    connect();
    return {};
  }

private:
  void connect() {
    // A channel of its own: one that is shared would wait before it connects again.
    grpc::ChannelArguments alone;
    alone.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", steled_.grpc_port()),
                                                   grpc::InsecureChannelCredentials(), alone);
    events_ = v1::EventStore::NewStub(channel);
    admin_ = v1::Admin::NewStub(channel);
    append_context_ = std::make_unique<grpc::ClientContext>();
    appends_ = events_->AppendStream(append_context_.get());
  }

  log::EventAppendResult ask(bool pipelined, const log::EventAppend& append,
                             const v1::AppendRequest& request) {
    return pipelined ? append_pipelined(append, request) : append_alone(append, request);
  }

  log::EventAppendResult append_alone(const log::EventAppend& append,
                                      const v1::AppendRequest& request) {
    v1::AppendResponse response;
    grpc::ClientContext context;
    const grpc::Status status = events_->Append(&context, request, &response);
    if (!status.ok()) return std::unexpected(refusal_of(status));
    if (response.has_refusal()) return std::unexpected(refusal_of(response.refusal()));
    return appended_of(response.appended(), append);
  }

  log::EventAppendResult append_pipelined(const log::EventAppend& append,
                                          const v1::AppendRequest& asked) {
    v1::AppendStreamRequest request;
    v1::PipelinedAppend& one = *request.add_appends();
    one.set_correlation_id(++correlation_id_);
    *one.mutable_append() = asked;
    v1::AppendStreamResponse response;
    if (!appends_->Write(request) || !appends_->Read(&response))
      return std::unexpected(refusal_of(appends_->Finish()));
    const v1::AppendAnswer& answer = response.answers(0);
    if (response.answers_size() != 1 || answer.correlation_id() != correlation_id_)
      return std::unexpected(
          log::AppendRefusal{{Code::kUnsupported, "the answer to another append"}});
    if (answer.has_refusal()) return std::unexpected(refusal_of(answer.refusal()));
    return appended_of(answer.appended(), append);
  }

  template <class Ask>
  Result<void> call(const Ask& ask) {
    grpc::ClientContext context;
    const grpc::Status status = ask(&context);
    if (!status.ok()) return error_of(status);
    return {};
  }

  SteledProcess steled_;
  std::unique_ptr<v1::EventStore::Stub> events_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<grpc::ClientContext> append_context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AppendStreamRequest, v1::AppendStreamResponse>>
      appends_;
  std::uint64_t correlation_id_ = 0;
  int appends_asked_ = 0;
};

}  // namespace

std::unique_ptr<Driver> grpc_driver() {
  return std::make_unique<GrpcDriver>();
}

}  // namespace stele::scenarios
