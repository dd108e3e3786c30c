#include "projections/remote/kafka_client.h"

#include <algorithm>
#include <array>
#include <climits>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::size_t kErrorBytes = 512;

void keep_trouble(rd_kafka_t* /*handle*/, int /*error*/, const char* reason, void* opaque) {
  *static_cast<std::string*>(opaque) = reason;
}

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, kErrorBytes> why{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) !=
      RD_KAFKA_CONF_OK)
    return fail(Code::kInvalid, "kafka setting {}: {}", name, why.data());
  return {};
}

}  // namespace

Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Code::kNotFound;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return Code::kOutOfRange;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return Code::kTooLarge;
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      return Code::kCorrupt;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return Code::kInvalid;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return Code::kUnsupported;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return Code::kOverloaded;
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
      return Code::kOutOfSequence;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
      return Code::kFenced;
    case RD_KAFKA_RESP_ERR__DESTROY:
      return Code::kClosed;
    default:
      return Code::kIo;
  }
}

Error kafka_error(rd_kafka_resp_err_t error, std::string_view where) {
  return {code_of(error), fmt::format("{}: {}", where, rd_kafka_err2str(error))};
}

Error delivery_failed(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status,
                      std::string_view where) {
  Error failure = kafka_error(error, where);
  // A refusal is one, whatever was sent before it; silence is not.
  if (failure.code == Code::kIo && status == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED)
    failure.code = Code::kOutcomeUnknown;
  return failure;
}

Result<std::shared_ptr<KafkaClient>> KafkaClient::open(rd_kafka_type_t type,
                                                       const KafkaSettings& settings,
                                                       void (*with)(rd_kafka_conf_t*)) {
  KafkaConf conf(rd_kafka_conf_new());
  std::shared_ptr<KafkaClient> client(new KafkaClient);
  for (const auto& [name, value] : settings) {
    STELE_DO(set(conf.get(), name, value));
    if (name == "bootstrap.servers") client->brokers_ = value;
  }
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  rd_kafka_conf_set_error_cb(conf.get(), keep_trouble);
  rd_kafka_conf_set_opaque(conf.get(), &client->trouble_);
  if (with != nullptr) with(conf.get());
  std::array<char, kErrorBytes> why{};
  client->handle_ = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (client->handle_ == nullptr)
    return fail(Code::kInvalid, "kafka {}: {}", client->brokers_, why.data());
  (void)conf.release();  // the client's now
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_ != nullptr) rd_kafka_destroy(handle_);
}

Result<void> KafkaClient::poll(std::chrono::milliseconds longest) {
  rd_kafka_poll(handle_, timeout_ms(longest));
  std::array<char, kErrorBytes> why{};
  if (const auto error = rd_kafka_fatal_error(handle_, why.data(), why.size());
      error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(code_of(error), "kafka {}: {}", brokers_, why.data());
  return {};
}

Result<std::vector<std::int32_t>> KafkaClient::partition_counts(
    const std::vector<std::string>& topics, std::chrono::milliseconds longest) {
  std::vector<std::int32_t> counts;
  for (const std::string& topic : topics) {
    const KafkaTopic handle(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
    if (!handle) return fail(Code::kInvalid, "topic name {}", topic);
    const rd_kafka_metadata_t* answer = nullptr;
    const auto error = rd_kafka_metadata(handle_, 0, handle.get(), &answer, timeout_ms(longest));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      STELE_DO(poll(std::chrono::milliseconds(0)));
      return std::unexpected(kafka_error(
          error,
          fmt::format("kafka {}: metadata{}{}", brokers_, trouble_.empty() ? "" : ": ", trouble_)));
    }
    const KafkaMetadata metadata(answer);
    const rd_kafka_metadata_topic_t& told = metadata->topics[0];
    if (told.err != RD_KAFKA_RESP_ERR_NO_ERROR || told.partition_cnt == 0)
      return std::unexpected(kafka_error(
          told.err != RD_KAFKA_RESP_ERR_NO_ERROR ? told.err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
          fmt::format("kafka {}: topic {}", brokers_, topic)));
    counts.push_back(told.partition_cnt);
  }
  return counts;
}

int timeout_ms(std::chrono::nanoseconds longest) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, INT_MAX));
}

}  // namespace stele::projections
