// What a fold knows of an event's C++ type: its name in the log, and how to decode it.
//
//   template <> struct event_traits<Deposited> : json_event<"Deposited"> {};
//   template <> struct event_traits<Opened>    : json_event<"Opened", field<"at", &Opened::at_ms>> {};
//   template <> struct event_traits<pb::Moved> : protobuf_event<pb::Moved, "Moved"> {};
//   template <> struct event_traits<Note>      : text_event<"Note", &Note::text> {};
//
// json_event without fields takes the struct's members by their names. Of your own:
//
//   static constexpr std::string_view type = "Deposited";
//   static Result<Deposited> decode(const InputEvent& event);
//   static Bytes encode(const Deposited& event);              // only to append and to test with
//   static constexpr std::string_view content_type = "…";     // the same
//
// Thread: any; pure.
#pragma once

#include <string>
#include <string_view>

#include "log/events/event.h"
#include "projections/fold/input_event.h"
#include "projections/fold/json_decode.h"
#include "projections/fold/json_print.h"

namespace stele::projections {

namespace detail {

template <FixedText Type>
struct JsonCodec {
  static constexpr std::string_view type = Type.view();
  static constexpr std::string_view content_type = "application/json";

  template <class E>
  static Result<E> decode_as(const InputEvent& event) {
    static_assert(std::is_default_constructible_v<E>,
                  "json_event: the event is made before its members are read");
    Result<E> decoded{std::in_place};
    if (Result<void> read = decode_json(kJsonType<E>, type, event.data, &*decoded); !read) {
      decoded = std::unexpected(std::move(read).error());
    }
    return decoded;
  }
  template <class E>
  static Bytes encode_as(const E& event) {
    std::string text;
    print_json_struct(event, text);
    const ByteView bytes = as_bytes(text);
    return Bytes(bytes.begin(), bytes.end());
  }
};

}  // namespace detail

/// JSON with these members; without any: with all of the struct's.
template <FixedText Type, class... Fs>
struct json_event : detail::JsonCodec<Type> {
  using Fields = FieldList<Fs...>;
};
template <FixedText Type>
struct json_event<Type> : detail::JsonCodec<Type> {};

namespace detail {

[[nodiscard]] Error no_data(std::string_view type);
[[nodiscard]] Error undecodable(std::string_view type, std::string_view what);

}  // namespace detail

/// A Protobuf message in the record's value.
template <class Message, FixedText Type>
struct protobuf_event {
  static_assert(detail::ProtobufMessage<Message>,
                "protobuf_event<Message, \"Type\">: no SerializeAsString() and ParseFromArray()");
  static constexpr std::string_view type = Type.view();
  static constexpr std::string_view content_type = "application/protobuf";

  static Result<Message> decode(const InputEvent& event) {
    if (!event.data) return std::unexpected(detail::no_data(type));
    Message message;
    if (event.data->size() > INT32_MAX ||
        !message.ParseFromArray(event.data->data(), static_cast<int>(event.data->size()))) {
      return std::unexpected(detail::undecodable(type, "a Protobuf message"));
    }
    return message;
  }
  static Bytes encode(const Message& message) {
    const std::string text = message.SerializeAsString();
    const ByteView bytes = as_bytes(text);
    return Bytes(bytes.begin(), bytes.end());
  }
};

/// The whole value in one member: std::string or std::string_view, Bytes or ByteView (views: valid
/// until the handler returns).
template <FixedText Type, auto Member>
struct bytes_event {
  using E = typename detail::MemberOf<decltype(Member)>::Owner;
  using Value = typename detail::MemberOf<decltype(Member)>::Value;
  static_assert(std::same_as<Value, std::string> || std::same_as<Value, std::string_view> ||
                    std::same_as<Value, Bytes> || std::same_as<Value, ByteView>,
                "bytes_event: the member is a std::string, std::string_view, Bytes or ByteView");
  static constexpr std::string_view type = Type.view();
  static constexpr std::string_view content_type = "application/octet-stream";

  static Result<E> decode(const InputEvent& event) {
    if (!event.data) return std::unexpected(detail::no_data(type));
    E decoded{};
    if constexpr (std::same_as<Value, Bytes>) {
      (decoded.*Member).assign(event.data->begin(), event.data->end());
    } else if constexpr (std::same_as<Value, ByteView>) {
      decoded.*Member = *event.data;
    } else {
      decoded.*Member = as_text(*event.data);
    }
    return decoded;
  }
  static Bytes encode(const E& event) {
    const ByteView bytes = std::as_bytes(std::span(event.*Member));
    return Bytes(bytes.begin(), bytes.end());
  }
};
template <FixedText Type, auto Member>
struct text_event : bytes_event<Type, Member> {
  static constexpr std::string_view content_type = "text/plain; charset=utf-8";
};

namespace detail {

template <class E>
concept Named = requires {
  { event_traits<E>::type } -> std::convertible_to<std::string_view>;
};
template <class E>
concept DecodesItself = requires(const InputEvent& event) {
  { event_traits<E>::decode(event) } -> std::same_as<Result<E>>;
};
template <class E>
concept DecodesAs = requires { &event_traits<E>::template decode_as<E>; };
template <class E>
concept EncodesItself = requires(const E& event) {
  { event_traits<E>::encode(event) } -> std::convertible_to<Bytes>;
};
template <class E>
concept EncodesAs = requires { &event_traits<E>::template encode_as<E>; };

}  // namespace detail

/// An event with traits.
template <class E>
concept Event = detail::Named<E> && (detail::DecodesItself<E> || detail::DecodesAs<E>);
/// One that can be written, too.
template <class E>
concept WritableEvent = Event<E> && (detail::EncodesItself<E> || detail::EncodesAs<E>);

template <Event E>
[[nodiscard]] constexpr std::string_view event_type() {
  return event_traits<E>::type;
}

/// The error names the type and the member.
template <Event E>
[[nodiscard]] Result<E> decode_event(const InputEvent& event) {
  if constexpr (detail::DecodesItself<E>) {
    return event_traits<E>::decode(event);
  } else {
    return event_traits<E>::template decode_as<E>(event);
  }
}

/// To append: type, data and content type; the rest is the caller's.
template <WritableEvent E>
[[nodiscard]] log::NewEvent new_event(const E& event) {
  log::NewEvent made;
  made.type = event_traits<E>::type;
  if constexpr (requires { std::string(event_traits<E>::content_type); }) {
    made.content_type = event_traits<E>::content_type;
  }
  if constexpr (detail::EncodesItself<E>) {
    made.data = event_traits<E>::encode(event);
  } else {
    made.data = event_traits<E>::template encode_as<E>(event);
  }
  return made;
}

}  // namespace stele::projections
