#include "projections/flow/parking.h"

#include <charconv>
#include <utility>

#include "log/base/byte_stream.h"
#include "log/base/fail.h"
#include "log/events/utf8.h"
#include "projections/process/event_coding.h"

namespace stele::projections {
namespace {

constexpr std::size_t kHeaderBytesMin = 2 * sizeof(std::uint32_t);

std::optional<ByteView> find_value(std::span<const HeaderView> headers, std::string_view key) {
  for (const HeaderView& header : headers) {
    if (header.key == key) return header.value;
  }
  return std::nullopt;
}

bool is_of(std::span<const HeaderView> headers, std::string_view projection) {
  const auto value = find_value(headers, kProjectionHeader);
  return value && as_text(*value) == projection;
}

std::string text_of(const Bytes& bytes) {
  return std::string(as_text(bytes));
}

std::string encoded(std::span<const HeaderView> headers) {
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(headers.size()));
  for (const HeaderView& header : headers) {
    write_bytes(out, as_bytes(header.key));
    out.put(static_cast<std::uint8_t>(header.value.has_value()));
    write_bytes(out, header.value.value_or(ByteView()));
  }
  return text_of(out.take());
}

// What an event must not bring is left out: the encoded headers have it all.
void copy_attributes(const InputEvent& event, log::NewEvent& to) {
  if (event.type.size() <= log::kTypeBytesMax) to.type = event.type;
  if (event.time_ms >= 0) to.time_ms = event.time_ms;
  const auto content_type = find_value(event.headers, "content-type");
  if (!content_type) return;
  const std::string_view text = as_text(*content_type);
  if (text.size() <= log::kTypeBytesMax && log::is_utf8(text)) to.content_type = text;
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

}  // namespace

log::TopicEvent parked_copy(const Definition& definition, const InputEvent& event,
                            std::string_view origin, std::string_view reason) {
  log::NewEvent copy{.id = fmt::format("{}/parked/{}", definition.name, origin)};
  copy_attributes(event, copy);
  if (event.stream) copy.stream = as_text(*event.stream);
  if (event.data) copy.data.emplace(event.data->begin(), event.data->end());
  copy.headers = {{std::string(kParkedHeader), std::string(origin)},
                  {std::string(kProjectionHeader), definition.name},
                  {std::string(kVersionHeader), std::to_string(definition.version)},
                  {std::string(kReasonHeader), std::string(reason)},
                  {std::string(kHeadersHeader), encoded(event.headers)}};
  return {definition.park_topic, std::move(copy)};
}

std::optional<std::string> parked_origin(const log::EventView& copy, std::string_view projection) {
  const auto origin = find_value(copy.headers, kParkedHeader);
  if (!origin || !is_of(copy.headers, projection)) return std::nullopt;
  return std::string(as_text(*origin));
}

log::TopicEvent redriven_copy(const log::EventView& copy, std::string_view origin, std::string id) {
  const log::RecordedEvent parked = log::owned(copy);
  log::NewEvent again{.stream = parked.stream, .id = std::move(id), .type = parked.type};
  again.content_type = parked.content_type;
  again.time_ms = parked.time_ms;
  again.data = parked.data;
  again.headers = {{std::string(kRedriveHeader), std::string(origin)}};
  for (const log::Attribute& header : parked.headers) {
    if (header.name != kParkedHeader) again.headers.push_back(header);
  }
  return {parked.topic, std::move(again)};
}

// --- on its way back ---

std::optional<RedrivenEvent> RedrivenEvent::read(const InputEvent& event,
                                                 std::string_view projection) {
  const auto origin = find_value(event.headers, kRedriveHeader);
  const auto headers = find_value(event.headers, kHeadersHeader);
  if (!origin || !headers || !is_of(event.headers, projection)) return std::nullopt;
  RedrivenEvent redriven;
  redriven.event_ = event;
  if (!redriven.read_origin(as_text(*origin)) || !redriven.read_headers(*headers))
    return std::nullopt;
  return redriven;
}

bool RedrivenEvent::read_origin(std::string_view text) {
  const std::size_t last = text.rfind('/');
  if (last == std::string_view::npos || last == 0) return false;
  const std::size_t first = text.rfind('/', last - 1);
  if (first == std::string_view::npos) return false;
  std::int64_t offset = 0;
  if (!parse(text.substr(first + 1, last - first - 1), partition_) ||
      !parse(text.substr(last + 1), offset))
    return false;
  offset_ = Offset(offset);
  origin_ = text;
  topic_bytes_ = first;
  return true;
}

bool RedrivenEvent::read_headers(ByteView encoded) {
  ByteReader in(encoded);
  const std::size_t count = in.get_count(kHeaderBytesMin + 1);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    HeaderView header{.key = read_text(in), .value = std::nullopt};
    const bool has_value = in.get<std::uint8_t>() != 0;
    const ByteView value = as_bytes(read_text(in));
    if (has_value) header.value = value;
    headers_.push_back(header);
  }
  return in.finished();
}

InputEvent RedrivenEvent::original() const {
  InputEvent event = event_;
  event.topic = std::string_view(origin_).substr(0, topic_bytes_);
  event.partition = partition_;
  event.offset = offset_;
  event.headers = headers_;
  event.type = {};
  const auto type = find_value(headers_, "ce_type");
  if (type && log::is_utf8(as_text(*type))) event.type = as_text(*type);
  return event;
}

}  // namespace stele::projections
