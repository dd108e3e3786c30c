#include "projections/fold/json_decode.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>

#include "log/base/fail.h"
#include "projections/fold/json_flat.h"
#include "projections/fold/json_store.h"

namespace stele::projections::detail {

namespace {

namespace json = simdjson::ondemand;

/// Of a thread: kept from event to event, so that decoding allocates nothing once it is warm.
struct Workspace {
  json::parser parser;
  std::unique_ptr<char[]> text;  ///< the event's data, with the room behind it that simdjson wants
  std::size_t capacity = 0;

  simdjson::padded_string_view padded(ByteView data) {
    const std::size_t wanted = data.size() + simdjson::SIMDJSON_PADDING;
    if (wanted > capacity) {
      capacity = std::max<std::size_t>(2 * wanted, 4096);
      text = std::make_unique<char[]>(capacity);
    }
    if (!data.empty()) std::memcpy(text.get(), data.data(), data.size());
    std::memset(text.get() + data.size(), 0, simdjson::SIMDJSON_PADDING);
    return simdjson::padded_string_view(text.get(), data.size(), capacity);
  }
};

Workspace& workspace() {
  thread_local Workspace kept;
  return kept;
}

std::string_view wanted_name(JsonKind kind) {
  switch (kind) {
    case JsonKind::kBool:
      return "a bool";
    case JsonKind::kF32:
    case JsonKind::kF64:
      return "a number";
    case JsonKind::kText:
    case JsonKind::kTextView:
      return "a string";
    case JsonKind::kList:
      return "an array";
    case JsonKind::kMap:
    case JsonKind::kStruct:
      return "an object";
    default:
      return "an integer";
  }
}

std::string_view found_name(json::value value) {
  json::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return "malformed";
  switch (type) {
    case json::json_type::array:
      return "an array";
    case json::json_type::object:
      return "an object";
    case json::json_type::number:
      return "a number";
    case json::json_type::string:
      return "a string";
    case json::json_type::boolean:
      return "a bool";
    default:
      return "null";
  }
}

/// An integer in quotes.
template <class T>
bool read_quoted(json::value in, T& value) {
  std::string_view text;
  if (in.get_string().get(text) != simdjson::SUCCESS) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Reads one event. False: fault() says where and why.
class JsonDecoder {
public:
  bool take_struct(json::object object, const JsonType& type, void* to);
  /// The place (empty: the event itself) and what is wrong with it.
  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  bool malformed(simdjson::error_code code) {
    fault_ = fmt::format("is malformed JSON ({})", simdjson::error_message(code));
    return false;
  }

private:
  bool take(json::value in, const JsonType& type, void* to);
  bool take_optional(json::value in, const JsonType& type, void* to);
  bool take_list(json::value in, const JsonType& type, void* to);
  bool take_map(json::value in, const JsonType& type, void* to);
  bool take_number(json::value in, const JsonType& type, void* to);
  bool take_integer(json::value in, const JsonType& type, void* to);
  bool take_text(json::value in, const JsonType& type, void* to);
  bool take_member(json::field& field, const JsonType& type, std::uint64_t& seen,
                   std::size_t& likely, void* to);

  bool mistyped(json::value in, const JsonType& type) {
    fault_ = fmt::format("is {}, not {}", found_name(in), wanted_name(type.kind));
    return false;
  }
  /// The fault is in this member, or element.
  bool within(std::string_view name) {
    const bool joined = place_.empty() || place_.starts_with('[');
    place_ = fmt::format("{}{}{}", name, joined ? "" : ".", place_);
    return false;
  }

  std::string place_;
  std::string fault_;
};

bool JsonDecoder::take(json::value in, const JsonType& type, void* to) {
  switch (type.kind) {
    case JsonKind::kBool: {
      bool value = false;
      if (in.get_bool().get(value) != simdjson::SUCCESS) return mistyped(in, type);
      store(to, value);
      return true;
    }
    case JsonKind::kF32:
    case JsonKind::kF64:
      return take_number(in, type, to);
    case JsonKind::kText:
    case JsonKind::kTextView:
      return take_text(in, type, to);
    case JsonKind::kOptional:
      return take_optional(in, type, to);
    case JsonKind::kList:
      return take_list(in, type, to);
    case JsonKind::kMap:
      return take_map(in, type, to);
    case JsonKind::kStruct: {
      json::object object;
      if (in.get_object().get(object) != simdjson::SUCCESS) return mistyped(in, type);
      return take_struct(object, type, to);
    }
    default:
      return take_integer(in, type, to);
  }
}

bool JsonDecoder::take_integer(json::value in, const JsonType& type, void* to) {
  if (type.kind < JsonKind::kU8) {
    std::int64_t value = 0;
    if (in.get_int64().get(value) != simdjson::SUCCESS && !read_quoted(in, value)) {
      return mistyped(in, type);
    }
    if (store_signed(type.kind, to, value)) return true;
  } else {
    std::uint64_t value = 0;
    if (in.get_uint64().get(value) != simdjson::SUCCESS && !read_quoted(in, value)) {
      return mistyped(in, type);
    }
    if (store_unsigned(type.kind, to, value)) return true;
  }
  fault_ = "is out of its type's range";
  return false;
}

bool JsonDecoder::take_number(json::value in, const JsonType& type, void* to) {
  double value = 0;
  if (in.get_double().get(value) != simdjson::SUCCESS) return mistyped(in, type);
  store_double(type.kind, to, value);
  return true;
}

bool JsonDecoder::take_text(json::value in, const JsonType& type, void* to) {
  std::string_view text;
  if (in.get_string().get(text) != simdjson::SUCCESS) return mistyped(in, type);
  store_text(type.kind, to, text);
  return true;
}

bool JsonDecoder::take_optional(json::value in, const JsonType& type, void* to) {
  bool null = false;
  if (const auto code = in.is_null().get(null); code != simdjson::SUCCESS) return malformed(code);
  type.clear(to);
  return null || take(in, *type.inner, type.grow(to, {}));
}

bool JsonDecoder::take_list(json::value in, const JsonType& type, void* to) {
  json::array array;
  if (in.get_array().get(array) != simdjson::SUCCESS) return mistyped(in, type);
  type.clear(to);
  std::size_t index = 0;
  for (auto element : array) {
    json::value value;
    if (const auto code = std::move(element).get(value); code != simdjson::SUCCESS)
      return malformed(code);
    if (!take(value, *type.inner, type.grow(to, {}))) return within(fmt::format("[{}]", index));
    ++index;
  }
  return true;
}

bool JsonDecoder::take_map(json::value in, const JsonType& type, void* to) {
  json::object object;
  if (in.get_object().get(object) != simdjson::SUCCESS) return mistyped(in, type);
  type.clear(to);
  for (auto member : object) {
    json::field field;
    std::string_view key;
    if (const auto code = std::move(member).get(field); code != simdjson::SUCCESS)
      return malformed(code);
    if (const auto code = field.unescaped_key().get(key); code != simdjson::SUCCESS) {
      return malformed(code);
    }
    if (!take(field.value(), *type.inner, type.grow(to, key))) return within(key);
  }
  return true;
}

bool JsonDecoder::take_member(json::field& field, const JsonType& type, std::uint64_t& seen,
                              std::size_t& likely, void* to) {
  std::string_view key;
  if (const auto code = field.unescaped_key().get(key); code != simdjson::SUCCESS) {
    return malformed(code);
  }
  // Writers give members in an order of their own, but always the same.
  for (std::size_t tried = 0; tried < type.member_count; ++tried) {
    if (likely >= type.member_count) likely = 0;
    const std::size_t at = likely++;
    const JsonMember& member = type.members[at];
    if (member.name != key) continue;
    seen |= std::uint64_t{1} << at;
    return take(field.value(), *member.type, member.of(to)) || within(member.name);
  }
  return true;
}

bool JsonDecoder::take_struct(json::object object, const JsonType& type, void* to) {
  std::uint64_t seen = 0;
  std::size_t likely = 0;
  for (auto member : object) {
    json::field field;
    if (const auto code = std::move(member).get(field); code != simdjson::SUCCESS)
      return malformed(code);
    if (!take_member(field, type, seen, likely, to)) return false;
  }
  for (std::size_t at = 0; at < type.member_count; ++at) {
    const JsonMember& member = type.members[at];
    if ((seen >> at & 1) != 0 || member.type->kind == JsonKind::kOptional) continue;
    fault_ = "is missing";
    return within(member.name);
  }
  return true;
}

}  // namespace

Result<void> decode_json(const JsonType& type, std::string_view event_type,
                         const std::optional<ByteView>& data, void* to) {
  if (type.member_count == 0) return {};
  if (!data) return fail(Code::kInvalid, "{}: the event has no data", event_type);
  if (type.is_flat && decode_flat(type, as_text(*data), to)) return {};
  return decode_json_checked(type, event_type, *data, to);
}

Result<void> decode_json_checked(const JsonType& type, std::string_view event_type, ByteView data,
                                 void* to) {
  Workspace& work = workspace();
  json::document document;
  json::object object;
  JsonDecoder decoder;
  auto code = work.parser.iterate(work.padded(data)).get(document);
  if (code == simdjson::SUCCESS) code = document.get_object().get(object);
  if (code != simdjson::SUCCESS) {
    return fail(Code::kInvalid, "{}: the data is no JSON object ({})", event_type,
                simdjson::error_message(code));
  }
  if (!decoder.take_struct(object, type, to)) {
    return fail(Code::kInvalid, "{}: {} {}", event_type,
                decoder.place().empty() ? "the data" : decoder.place(), decoder.fault());
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return fail(Code::kInvalid, "{}: something stands behind the JSON object", event_type);
  }
  return {};
}

}  // namespace stele::projections::detail
