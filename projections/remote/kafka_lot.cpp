#include "projections/remote/kafka_lot.h"

#include <algorithm>

#include "log/events/event_headers.h"
#include "log/events/utf8.h"

namespace stele::projections {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::int64_t kMsMax = INT64_MAX / kUsPerMs;  // a producer may write any time

std::optional<ByteView> bytes_or_null(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return ByteView(static_cast<const std::byte*>(data), size);
}

/// As docs/events.md has it: the first header of the name counts, if it is text.
std::string_view type_of(std::span<const HeaderView> headers) {
  static const std::string_view kName = log::header_name(log::EventHeader::kType);
  for (const HeaderView& header : headers) {
    if (header.key != kName) continue;
    const bool is_text = header.value && log::is_utf8(as_text(*header.value));
    return is_text ? as_text(*header.value) : std::string_view();
  }
  return {};
}

}  // namespace

KafkaLot::KafkaLot(std::shared_ptr<const void> fetched_by, const InputId& from,
                   std::span<rd_kafka_message_t* const> messages)
    : fetched_by_(std::move(fetched_by)), messages_(messages.begin(), messages.end()) {
  input = from;
  events_.resize(messages_.size());
  std::vector<std::size_t> headers_begin(messages_.size() + 1);
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    const rd_kafka_message_t& message = *messages_[i];
    InputEvent& event = events_[i];
    event.topic = input.topic;
    event.partition = input.partition;
    event.offset = Offset(message.offset);
    event.position = Position(message.offset);
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    event.time_ms = rd_kafka_message_timestamp(&message, &kind);
    event.recorded_us = std::clamp(event.time_ms, -kMsMax, kMsMax) * kUsPerMs;
    event.stream = bytes_or_null(message.key, message.key_len);
    event.data = bytes_or_null(message.payload, message.len);
    headers_begin[i] = headers_.size();
    add_headers(message);
  }
  headers_begin.back() = headers_.size();
  for (std::size_t i = 0; !headers_.empty() && i < events_.size(); ++i) {
    events_[i].headers =
        std::span(headers_).subspan(headers_begin[i], headers_begin[i + 1] - headers_begin[i]);
    events_[i].type = type_of(events_[i].headers);
  }
  events = events_;
}

KafkaLot::~KafkaLot() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
}

void KafkaLot::add_headers(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    headers_.push_back({name, bytes_or_null(value, size)});
}

}  // namespace stele::projections
