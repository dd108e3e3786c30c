// What kinds of members codecs and JSON tell apart. Thread: compile time.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "projections/fold/fields.h"

namespace stele::projections::detail {

template <class T, template <class...> class Template>
inline constexpr bool is_made_of = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_made_of<Template<Args...>, Template> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Text = std::same_as<T, std::string>;
template <class T>
concept Optional = is_made_of<T, std::optional>;
template <class T>
concept List = is_made_of<T, std::vector> || is_made_of<T, std::deque>;
template <class T>
concept SortedSet = is_made_of<T, std::set>;
template <class T>
concept SortedMap = is_made_of<T, std::map>;
template <class T>
concept HashSet = is_made_of<T, std::unordered_set>;
template <class T>
concept HashMap = is_made_of<T, std::unordered_map>;
template <class T>
concept Duration = is_duration<T>;
template <class T>
concept Variant = is_made_of<T, std::variant>;
template <class T>
concept Pair = is_made_of<T, std::pair>;

/// Looks like a Protobuf message; its header is not needed for that.
template <class T>
concept ProtobufMessage = requires(T& message, const T& constant, const void* data, int size) {
  { constant.SerializeAsString() } -> std::convertible_to<std::string>;
  { message.ParseFromArray(data, size) } -> std::same_as<bool>;
};

/// state_traits<T> encodes and decodes it.
template <class T>
concept OwnCodec = requires(const T& value, Bytes& to, ByteView from) {
  state_traits<T>::encode(value, to);
  { state_traits<T>::decode(from) } -> std::same_as<Result<T>>;
};

/// A struct that is taken apart into its fields.
template <class T>
concept Struct = HasFields<T> && !OwnCodec<T> && !ProtobufMessage<T> && !is_array<T>;

/// Its bytes are its value: no padding, no pointers that could be told.
template <class T>
concept Raw = std::is_class_v<T> && !HasFields<T> && std::is_trivially_copyable_v<T> &&
              std::has_unique_object_representations_v<T>;

/// "i64", "u8", "f64".
template <class T>
constexpr std::string_view scalar_name() {
  if constexpr (std::same_as<T, bool>) return "bool";
  if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? "f32" : "f64";
  constexpr std::string_view kSigned[] = {"i8", "i16", "i32", "i64"};
  constexpr std::string_view kUnsigned[] = {"u8", "u16", "u32", "u64"};
  constexpr std::size_t at = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return std::is_signed_v<T> ? kSigned[at] : kUnsigned[at];
}

/// What is said of a type that no codec knows.
template <class T>
inline constexpr bool no_codec = false;

}  // namespace stele::projections::detail
