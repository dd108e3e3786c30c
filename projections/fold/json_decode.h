// JSON into the members of a struct: what json_event<> decodes with. The table of a struct's
// members is made at compile time; who reads the JSON (json_decode.cpp) knows no template.
//
// Required: every member but those that are std::optional, which null or absence leaves empty.
// Integers may be given as strings ("500"), as JSON of 64-bit integers has them. Unknown members
// are passed over, of one given twice the last one counts. Thread: any; a std::string_view member
// shows the event's data, or memory of the thread's until it decodes the next event.
#pragma once

#include <string_view>

#include "projections/fold/value_kinds.h"

namespace stele::projections::detail {

enum class JsonKind : std::uint8_t {
  kBool,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kF32,
  kF64,
  kText,
  kTextView,
  kOptional,
  kList,
  kMap,
  kStruct,
};

struct JsonMember;

struct JsonType {
  JsonKind kind = JsonKind::kBool;
  void (*clear)(void* value) = nullptr;                        ///< optional, list, map
  void* (*grow)(void* value, std::string_view key) = nullptr;  ///< the place of what it holds now
  const JsonType* inner = nullptr;                             ///< of what they hold
  const JsonMember* members = nullptr;                         ///< of a struct
  std::size_t member_count = 0;
  bool is_flat = false;  ///< of a struct: no lists, maps and structs in it
};

struct JsonMember {
  std::string_view name;
  void* (*of)(void* object) = nullptr;
  const JsonType* type = nullptr;
};

/// kInvalid: "Deposited: cents is missing", "Ordered: lines[2].quantity is a string, not an
/// integer".
[[nodiscard]] Result<void> decode_json(const JsonType& type, std::string_view event_type,
                                       const std::optional<ByteView>& data, void* to);
/// The same without the quick way (json_flat.h).
[[nodiscard]] Result<void> decode_json_checked(const JsonType& type, std::string_view event_type,
                                               ByteView data, void* to);

template <class T>
constexpr JsonType json_type();
template <class T>
inline constexpr JsonType kJsonType = json_type<T>();

template <class T, class F>
inline constexpr JsonMember kJsonMember{
    F::name, [](void* object) -> void* { return &F::of(*static_cast<T*>(object)); },
    &kJsonType<typename F::Value>};

template <class T>
constexpr bool is_flat_member() {
  if constexpr (Optional<T>) {
    return is_flat_member<typename T::value_type>();
  } else {
    return std::is_arithmetic_v<T> || std::is_enum_v<T> || Duration<T> || Text<T> ||
           std::same_as<T, std::string_view>;
  }
}

template <class T, class List>
struct JsonMembers;
template <class T, class... Fs>
struct JsonMembers<T, FieldList<Fs...>> {
  static_assert(sizeof...(Fs) <= 64, "json_event: at most 64 fields");
  static constexpr std::array<JsonMember, sizeof...(Fs)> kTable{kJsonMember<T, Fs>...};
  static constexpr bool kFlat = (is_flat_member<typename Fs::Value>() && ...);
};

template <class T>
constexpr JsonKind scalar_kind() {
  if constexpr (std::same_as<T, bool>) return JsonKind::kBool;
  if constexpr (std::floating_point<T>) {
    static_assert(sizeof(T) <= 8, "json_event: long double is not read");
    return sizeof(T) == 4 ? JsonKind::kF32 : JsonKind::kF64;
  }
  constexpr int kWidth = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  const JsonKind first = std::is_signed_v<T> ? JsonKind::kI8 : JsonKind::kU8;
  return static_cast<JsonKind>(static_cast<int>(first) + kWidth);
}

template <class T>
constexpr JsonType json_container() {
  if constexpr (Optional<T>) {
    return {.kind = JsonKind::kOptional,
            .clear = [](void* value) { static_cast<T*>(value)->reset(); },
            .grow = [](void* value, std::string_view) -> void* {
              return &static_cast<T*>(value)->emplace();
            },
            .inner = &kJsonType<typename T::value_type>};
  } else if constexpr (SortedMap<T> || HashMap<T>) {
    static_assert(Text<typename T::key_type>, "json_event: a map's keys are std::string");
    return {.kind = JsonKind::kMap,
            .clear = [](void* value) { static_cast<T*>(value)->clear(); },
            .grow = [](void* value, std::string_view key) -> void* {
              return &(*static_cast<T*>(value))[std::string(key)];
            },
            .inner = &kJsonType<typename T::mapped_type>};
  } else {
    static_assert(!std::same_as<typename T::value_type, bool>,
                  "json_event: no std::vector<bool>; take std::vector<std::uint8_t>");
    return {.kind = JsonKind::kList,
            .clear = [](void* value) { static_cast<T*>(value)->clear(); },
            .grow = [](void* value, std::string_view) -> void* {
              return &static_cast<T*>(value)->emplace_back();
            },
            .inner = &kJsonType<typename T::value_type>};
  }
}

template <class T>
constexpr JsonType json_type() {
  if constexpr (std::is_enum_v<T>) {
    return {.kind = scalar_kind<std::underlying_type_t<T>>()};
  } else if constexpr (std::is_arithmetic_v<T>) {
    return {.kind = scalar_kind<T>()};
  } else if constexpr (Duration<T>) {
    return {.kind = scalar_kind<typename T::rep>()};
  } else if constexpr (Text<T>) {
    return {.kind = JsonKind::kText};
  } else if constexpr (std::same_as<T, std::string_view>) {
    return {.kind = JsonKind::kTextView};
  } else if constexpr (Optional<T> || List<T> || SortedMap<T> || HashMap<T>) {
    return json_container<T>();
  } else {
    static_assert(HasFields<T> && !is_array<T>,
                  "json_event: a member is bool, an integer, a double, std::string, std::optional, "
                  "std::vector or std::map of these, or a struct of these; for others give "
                  "event_traits<E> a decode() of your own");
    using Members = JsonMembers<T, Fields<T>>;
    return {.kind = JsonKind::kStruct,
            .members = Members::kTable.data(),
            .member_count = Members::kTable.size(),
            .is_flat = Members::kFlat};
  }
}

}  // namespace stele::projections::detail
