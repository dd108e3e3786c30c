// Values as JSON text: states for people, events for the log. Integers are numbers, bytes
// hexadecimal strings, a double that is no number null. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "projections/fold/value_kinds.h"

namespace stele::projections::detail {

/// Quoted and escaped; bytes that are not UTF-8 become U+FFFD.
void append_json_text(std::string& to, std::string_view text);
void append_json_integer(std::string& to, std::int64_t value);
void append_json_unsigned(std::string& to, std::uint64_t value);
/// The shortest text that reads as the same double.
void append_json_double(std::string& to, double value);
/// "\"0a1b\"".
void append_json_bytes(std::string& to, ByteView bytes);

template <class T>
void print_json(const T& value, std::string& to);

template <class Range>
void print_json_list(const Range& range, std::string& to) {
  to.push_back('[');
  bool first = true;
  for (const auto& element : range) {
    if (!std::exchange(first, false)) to.push_back(',');
    print_json<std::remove_cvref_t<decltype(element)>>(element, to);
  }
  to.push_back(']');
}

/// An object if keys are texts or integers, else a list of pairs.
template <class Map>
void print_json_map(const Map& map, std::string& to) {
  using K = typename Map::key_type;
  if constexpr (Text<K> || Integer<K>) {
    to.push_back('{');
    bool first = true;
    for (const auto& [key, value] : map) {
      if (!std::exchange(first, false)) to.push_back(',');
      if constexpr (Text<K>) {
        append_json_text(to, key);
      } else {
        append_json_text(to, std::to_string(key));
      }
      to.push_back(':');
      print_json(value, to);
    }
    to.push_back('}');
  } else {
    print_json_list(map, to);
  }
}

template <class T>
void print_json_struct(const T& value, std::string& to) {
  to.push_back('{');
  bool first = true;
  Fields<T>::each([&]<class F>() {
    if (!std::exchange(first, false)) to.push_back(',');
    append_json_text(to, F::name);
    to.push_back(':');
    print_json(F::of(value), to);
  });
  to.push_back('}');
}

/// Those that have a printer of their own, or can only be told of.
template <class T>
void print_json_opaque(const T& value, std::string& to) {
  if constexpr (requires { state_traits<T>::print(value, to); }) {
    state_traits<T>::print(value, to);
  } else if constexpr (ProtobufMessage<T>) {
    if constexpr (requires { value.ShortDebugString(); }) {
      append_json_text(to, value.ShortDebugString());
    } else {
      append_json_bytes(to, as_bytes(value.SerializeAsString()));
    }
  } else if constexpr (OwnCodec<T>) {
    Bytes bytes;
    state_traits<T>::encode(value, bytes);
    append_json_bytes(to, bytes);
  } else {
    append_json_bytes(to, std::as_bytes(std::span(&value, 1)));
  }
}

template <class T>
void print_json(const T& value, std::string& to) {
  if constexpr (std::same_as<T, bool>) {
    to += value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    print_json(static_cast<std::underlying_type_t<T>>(value), to);
  } else if constexpr (std::signed_integral<T>) {
    append_json_integer(to, value);
  } else if constexpr (std::unsigned_integral<T>) {
    append_json_unsigned(to, value);
  } else if constexpr (std::floating_point<T>) {
    append_json_double(to, static_cast<double>(value));
  } else if constexpr (Text<T> || std::same_as<T, std::string_view>) {
    append_json_text(to, value);
  } else if constexpr (std::same_as<T, Bytes>) {
    append_json_bytes(to, value);
  } else if constexpr (Duration<T>) {
    print_json(value.count(), to);
  } else if constexpr (Optional<T>) {
    if (value) {
      print_json(*value, to);
    } else {
      to += "null";
    }
  } else if constexpr (Variant<T>) {
    std::visit([&](const auto& held) { print_json(held, to); }, value);
  } else if constexpr (std::same_as<T, std::monostate>) {
    to += "null";
  } else if constexpr (Pair<T>) {
    to.push_back('[');
    print_json(value.first, to);
    to.push_back(',');
    print_json(value.second, to);
    to.push_back(']');
  } else if constexpr (HashMap<T>) {
    print_json_map(std::map(value.begin(), value.end()), to);
  } else if constexpr (HashSet<T>) {
    print_json_list(std::set(value.begin(), value.end()), to);
  } else if constexpr (SortedMap<T>) {
    print_json_map(value, to);
  } else if constexpr (List<T> || SortedSet<T> || is_array<T>) {
    print_json_list(value, to);
  } else if constexpr (requires { state_traits<T>::print(value, to); } || !Struct<T>) {
    print_json_opaque(value, to);
  } else {
    print_json_struct(value, to);
  }
}

}  // namespace stele::projections::detail
