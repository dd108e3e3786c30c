#include <algorithm>
#include <chrono>

#include "log/format/batch_check.h"
#include "log/store/gather_terms.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/produce.h"

namespace stele::kafka {

namespace {

constexpr std::int16_t kTopicIdsFrom = 13;
constexpr std::int16_t kZstdFrom = 7;
constexpr std::string_view kAdminClientId = "__admin_client";  // the one that may write anywhere

/// A produce request until its last batch is answered.
struct ProduceCall {
  Broker& broker;
  Request request;
  std::int16_t acks = -1;
  ProduceResponse response{};
  std::size_t waiting = 0;
  server::TimerQueue::Id timer{};
  bool failed = false;
  bool answered = false;
};
using ProduceCallPtr = std::shared_ptr<ProduceCall>;

ProduceResponsePartition& refuse(ProduceResponsePartition& partition, ErrorCode error,
                                 std::string message) {
  partition.error_code = error;
  partition.base_offset = -1;
  partition.error_message = std::move(message);
  return partition;
}

void finish(ProduceCall& call) {
  call.answered = true;
  call.broker.timers.cancel(call.timer);
  call.request.let_go_of_frame();
  for (const ProduceResponseTopic& topic : call.response.topics) {
    for (const ProduceResponsePartition& partition : topic.partitions) {
      call.broker.metrics.count_error(ApiKey::kProduce, partition.error_code);
      call.failed = call.failed || partition.error_code != ErrorCode::kNone;
    }
  }
  if (call.acks != 0) return answer(call.request, call.response, call.broker.env.now());
  charge(call.request, call.broker.env.now());
  // Nobody reads an answer: closing is the only way to tell of a failure.
  if (call.failed) return call.request.reply->abort();
  call.request.reply->skip();
}

/// Answers now; what the store still has to say comes too late.
void time_out(ProduceCall& call) {
  for (ProduceResponseTopic& topic : call.response.topics) {
    for (ProduceResponsePartition& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::kNone && partition.base_offset < 0) {
        refuse(partition, ErrorCode::kRequestTimedOut, "not durable within the request's timeout");
      }
    }
  }
  finish(call);
}

void take_outcome(ProduceResponsePartition& partition, const Result<log::AppendOutcome>& outcome) {
  if (outcome) {
    partition.base_offset = outcome->front().base_offset.raw();
    partition.log_start_offset = outcome->front().log_start.raw();
  } else {
    partition.log_append_time_ms = -1;
    refuse(partition, error_code(outcome.error().code, AnswerTo::kProduce), outcome.error().detail);
  }
}

struct Place {
  std::size_t topic = 0;
  std::size_t partition = 0;
};

void append(const ProduceCallPtr& call, Place place, log::BatchAppend batch) {
  const std::size_t bytes = batch.batch.size();
  log::AppendRequest request;
  request.batches.push_back(std::move(batch));
  request.owner = call->request.frame;
  ++call->waiting;
  call->broker.appending_bytes += bytes;
  call->broker.store.submit(
      std::move(request), [call, place, bytes](Result<log::AppendOutcome> outcome) {
        call->broker.appending_bytes -= bytes;
        if (call->answered) return;
        take_outcome(call->response.topics[place.topic].partitions[place.partition], outcome);
        if (--call->waiting == 0) finish(*call);
      });
}

BatchLimits limits_of(const log::TopicConfig& config, std::int64_t now_ms) {
  BatchLimits limits;
  limits.batch_bytes_max = static_cast<std::size_t>(config.max_message_bytes);
  limits.key_required = config.cleanup_policy != log::CleanupPolicy::kDelete;
  limits.now_ms = now_ms;
  if (!config.log_append_time) {
    limits.timestamp_before_max_ms = config.timestamp_before_max_ms;
    limits.timestamp_after_max_ms = config.timestamp_after_max_ms;
  }
  return limits;
}

void refuse_batch(ProduceResponsePartition& partition, const BatchRejection& rejection) {
  refuse(partition, static_cast<ErrorCode>(rejection.fault), rejection.detail);
  for (const std::int32_t index : rejection.record_indices) {
    partition.record_errors.push_back({index, rejection.detail});
  }
}

/// The same bytes of the frame, to be changed in place: the frame is ours alone until it is
/// appended.
ByteSpan writable(const Request& request, ByteView batch) {
  return {request.frame->data() + (batch.data() - request.frame->data()), batch.size()};
}

/// What must hold before the batch is looked into; kNone if it does.
ErrorCode check_shape(const Request& request, ByteView records) {
  const auto header = parse_batch_header(records);
  if (!header) return ErrorCode::kNone;  // the check says what is wrong
  if (static_cast<std::size_t>(header->batch_bytes) < records.size()) {
    return ErrorCode::kInvalidRecord;
  }
  const bool zstd = header->codec_id() == static_cast<std::uint8_t>(Codec::kZstd);
  if (zstd && request.version < kZstdFrom) return ErrorCode::kUnsupportedCompressionType;
  return ErrorCode::kNone;
}

void produce_partition(const ProduceCallPtr& call, const log::TopicInfo& topic, Place place,
                       const ProduceRequestPartition& asked) {
  ProduceResponsePartition& answered =
      call->response.topics[place.topic].partitions[place.partition];
  if (asked.index < 0 || asked.index >= topic.partition_count) {
    refuse(answered, ErrorCode::kUnknownTopicOrPartition, "no such partition");
    return;
  }
  if (!asked.records || asked.records->empty()) {
    refuse(answered, ErrorCode::kInvalidRecord, "no record batch");
    return;
  }
  const Request& request = call->request;
  const ByteView batch = *asked.records;
  if (const ErrorCode error = check_shape(request, batch); error != ErrorCode::kNone) {
    const bool many = error == ErrorCode::kInvalidRecord;
    refuse(answered, error, many ? "more than one record batch" : "zstd needs Produce v7");
    return;
  }
  const std::int64_t now_ms = call->broker.env.wall_us() / 1000;
  const auto checked =
      check_produced_batch(batch, limits_of(topic.config, now_ms), call->broker.decompressor);
  if (!checked) return refuse_batch(answered, checked.error());
  log::BatchAppend to_append{
      {topic.id, asked.index}, batch, checked->min_timestamp_ms, checked->max_timestamp_ms};
  if (log::is_indexed(topic)) {
    to_append.terms = log::gather_terms(call->broker.store.index().hasher(), topic.id,
                                        checked->header, checked->records);
  }
  if (topic.config.log_append_time) {
    apply_log_append_time(writable(request, batch), now_ms);
    to_append.min_timestamp_ms = to_append.max_timestamp_ms = now_ms;
    answered.log_append_time_ms = now_ms;
  } else if (!checked->header_max_timestamp_is_true()) {
    set_max_timestamp(writable(request, batch), checked->max_timestamp_ms);
  }
  call->broker.metrics.records_produced_bytes += static_cast<std::int64_t>(batch.size());
  append(call, place, std::move(to_append));
}

void produce_topic(const ProduceCallPtr& call, std::size_t index,
                   const ProduceRequestTopic& asked) {
  const Request& request = call->request;
  const bool by_id = request.version >= kTopicIdsFrom;
  const log::Store& store = call->broker.store;
  const log::TopicPtr topic =
      by_id ? store.find_topic(asked.topic_id) : store.find_topic(asked.name);
  const bool forbidden = topic && (topic->internal || is_reserved_topic_name(topic->name)) &&
                         request.client_id != kAdminClientId;
  for (std::size_t i = 0; i < asked.partitions.size(); ++i) {
    ProduceResponsePartition& answered = call->response.topics[index].partitions[i];
    if (!topic) {
      refuse(answered, by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition,
             "no such topic");
    } else if (forbidden) {
      refuse(answered, ErrorCode::kInvalidTopicException, "an internal topic");
    } else {
      produce_partition(call, *topic, {index, i}, asked.partitions[i]);
    }
  }
}

bool is_transactional(const ProduceRequest& asked) {
  if (asked.transactional_id) return true;
  for (const ProduceRequestTopic& topic : asked.topics) {
    for (const ProduceRequestPartition& partition : topic.partitions) {
      const auto header = parse_batch_header(partition.records.value_or(ByteView{}));
      if (header && header->transactional()) return true;
    }
  }
  return false;
}

/// An error for every partition; kNone if the request is one that can be done.
ErrorCode check_request(const ProduceRequest& asked) {
  if (asked.acks < -1 || asked.acks > 1) return ErrorCode::kInvalidRequiredAcks;
  if (is_transactional(asked)) return ErrorCode::kTransactionalIdAuthorizationFailed;
  return ErrorCode::kNone;
}

/// One place for each partition asked for, not answered yet.
void lay_out(ProduceResponse& response, const ProduceRequest& asked) {
  for (const ProduceRequestTopic& topic : asked.topics) {
    ProduceResponseTopic& answered = response.topics.emplace_back();
    answered.name = std::string(topic.name);
    answered.topic_id = topic.topic_id;
    for (const ProduceRequestPartition& partition : topic.partitions) {
      ProduceResponsePartition& place = answered.partitions.emplace_back();
      place.index = partition.index;
      place.base_offset = -1;
    }
  }
}

}  // namespace

Next handle_produce(Broker& broker, Request request) {
  const auto asked = read_body<ProduceRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<ProduceCall>(
      ProduceCall{.broker = broker, .request = std::move(request), .acks = asked->acks});
  lay_out(call->response, *asked);
  if (const ErrorCode error = check_request(*asked); error != ErrorCode::kNone) {
    for (ProduceResponseTopic& topic : call->response.topics) {
      for (ProduceResponsePartition& partition : topic.partitions) {
        refuse(partition, error, std::string(name(error)));
      }
    }
    finish(*call);
    return Next::kGoOn;
  }
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (std::size_t i = 0; i < asked->topics.size(); ++i) produce_topic(call, i, asked->topics[i]);
  if (--call->waiting == 0) {
    finish(*call);
    return Next::kGoOn;
  }
  const auto timeout = std::chrono::milliseconds(std::max(asked->timeout_ms, 0));
  call->timer = broker.timers.add(broker.env.now() + timeout, [call] { time_out(*call); });
  return broker.appending_bytes > broker.options.appending_bytes_max ? Next::kWait : Next::kGoOn;
}

}  // namespace stele::kafka
