#include "projections/remote/kafka_producer.h"

#include <chrono>

#include "log/base/fail.h"
#include "projections/remote/kafka_reader.h"

namespace stele::projections {
namespace {

using std::chrono::milliseconds;

using KafkaHeaders = std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>>;

constexpr milliseconds kServeEvery{50};

rd_kafka_vu_t pointer_field(rd_kafka_vtype_t kind, void* value) {
  rd_kafka_vu_t field{};
  field.vtype = kind;
  field.u.ptr = value;
  return field;
}

rd_kafka_vu_t bytes_field(rd_kafka_vtype_t kind, const std::optional<ByteView>& bytes) {
  static const std::byte kEmpty{};
  rd_kafka_vu_t field{};
  field.vtype = kind;
  if (!bytes) return field;
  field.u.mem.ptr = const_cast<std::byte*>(bytes->empty() ? &kEmpty : bytes->data());
  field.u.mem.size = bytes->size();
  return field;
}

KafkaHeaders headers_of(const NewRecord& record) {
  KafkaHeaders headers(rd_kafka_headers_new(record.headers.size()));
  for (const HeaderView& header : record.headers) {
    const void* value = header.value ? static_cast<const void*>(header.value->data()) : nullptr;
    if (header.value && value == nullptr) value = "";
    rd_kafka_header_add(headers.get(), header.key.data(), static_cast<ssize_t>(header.key.size()),
                        value, header.value ? static_cast<ssize_t>(header.value->size()) : 0);
  }
  return headers;
}

}  // namespace

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::open(const KafkaOptions& options) {
  KafkaSettings settings = {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"linger.ms", "1"},
      {"partitioner", "murmur2_random"},
      {"message.timeout.ms", std::to_string(options.answer_within.count())},
  };
  const KafkaSettings shared = kafka_settings(options);
  settings.insert(settings.end(), shared.begin(), shared.end());
  auto producer = std::make_unique<KafkaProducer>();
  producer->options_ = options;
  STELE_TRY(producer->client_,
            KafkaClient::open(RD_KAFKA_PRODUCER, settings, &KafkaProducer::take_callbacks));
  return producer;
}

void KafkaProducer::take_callbacks(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_dr_msg_cb(conf, &KafkaProducer::delivered);
}

void KafkaProducer::delivered(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message,
                              void* /*opaque*/) {
  auto& deliveries = *static_cast<Deliveries*>(message->_private);
  --deliveries.waiting;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || deliveries.failure) return;
  deliveries.failure =
      delivery_failed(message->err, rd_kafka_message_status(message),
                      fmt::format("kafka {}: append to topic {}", deliveries.brokers,
                                  rd_kafka_topic_name(message->rkt)));
}

Result<void> KafkaProducer::append(const std::vector<log::TopicEvent>& events,
                                   std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Deliveries deliveries{.brokers = options_.brokers};
  Result<void> sent;
  for (const log::TopicEvent& event : events) {
    sent = send(event, now_ms, deliveries);
    if (!sent) break;
  }
  // librdkafka answers for each record within message.timeout.ms, whatever happens.
  Result<void> alive;
  while (deliveries.waiting > 0) {
    alive = client_->poll(kServeEvery);
    if (!alive) rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }
  if (deliveries.failure) return std::unexpected(*deliveries.failure);
  return sent ? alive : sent;
}

Result<void> KafkaProducer::send(const log::TopicEvent& event, std::int64_t now_ms,
                                 Deliveries& deliveries) {
  STELE_TRY(const NewRecord record, encoder_.encode(event.event, now_ms));
  const std::string where =
      fmt::format("kafka {}: append to topic {}", options_.brokers, event.topic);
  for (;;) {
    KafkaHeaders headers = headers_of(record);
    std::vector<rd_kafka_vu_t> fields(5);
    fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    fields[0].u.cstr = event.topic.c_str();
    fields[1] = bytes_field(RD_KAFKA_VTYPE_KEY, record.key);
    fields[2] = bytes_field(RD_KAFKA_VTYPE_VALUE, record.value);
    fields[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    fields[3].u.i64 = record.timestamp_ms;
    fields[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[4].u.i = RD_KAFKA_MSG_F_COPY;
    fields.push_back(pointer_field(RD_KAFKA_VTYPE_OPAQUE, &deliveries));
    if (!record.headers.empty()) {
      fields.emplace_back().vtype = RD_KAFKA_VTYPE_HEADERS;
      fields.back().u.headers = headers.get();
    }
    const KafkaFailure failure(rd_kafka_produceva(client_->get(), fields.data(), fields.size()));
    if (!failure) {
      if (!record.headers.empty()) (void)headers.release();  // the message's now
      ++deliveries.waiting;
      return {};
    }
    const auto error = rd_kafka_error_code(failure.get());
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return std::unexpected(kafka_error(error, where));
    STELE_DO(client_->poll(kServeEvery));
  }
}

}  // namespace stele::projections
