// The fields of a struct: what codecs, JSON and fingerprints know of it. Given by hand,
//
//   template <> struct state_traits<Account> : described<field<"cents", &Account::cents>, …> {};
//
// or read off: a struct without bases and with at most 16 members needs no description; its fields
// have the members' names. Thread: compile time.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace stele::projections {

/// Specialize it for what cannot be read off; see described<> and state_codec.h.
template <class S>
struct state_traits {};
/// Specialize it for every event; see event_traits.h.
template <class E>
struct event_traits {};

/// A text as a template argument: field<"cents", …>.
template <std::size_t N>
struct FixedText {
  char text[N]{};
  consteval FixedText(const char (&given)[N]) {
    for (std::size_t at = 0; at < N; ++at) text[at] = given[at];
  }
  [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

/// Integers of the field are written as zigzag varints, not in their whole width.
struct varint {};

namespace detail {

template <class Member>
struct MemberOf;
template <class O, class V>
struct MemberOf<V O::*> {
  using Owner = O;
  using Value = V;
};

}  // namespace detail

template <FixedText Name, auto Member, class... Options>
struct field {
  static_assert(std::is_member_object_pointer_v<decltype(Member)>,
                "field<\"name\", &Struct::member>: the second argument is a data member");
  using Owner = typename detail::MemberOf<decltype(Member)>::Owner;
  using Value = typename detail::MemberOf<decltype(Member)>::Value;
  static constexpr std::string_view name = Name.view();
  static constexpr bool as_varint = (std::is_same_v<Options, varint> || ...);
  static constexpr Value& of(Owner& object) { return object.*Member; }
  static constexpr const Value& of(const Owner& object) { return object.*Member; }
};

template <class... Fs>
struct FieldList {
  static constexpr std::size_t count = sizeof...(Fs);
  /// Calls visit.template operator()<Field>() for each.
  template <class Visit>
  static constexpr void each(const Visit& visit) {
    (visit.template operator()<Fs>(), ...);
  }
};

/// What state_traits of a described struct derive from.
template <class... Fs>
struct described {
  static_assert(sizeof...(Fs) > 0, "described<…> names at least one field");
  using Fields = FieldList<Fs...>;
};

namespace detail {

template <class T>
concept StateDescribed = requires { typename state_traits<T>::Fields; };
template <class T>
concept EventDescribed = requires { typename event_traits<T>::Fields; };

/// Becomes whatever a member is made of.
struct AnyMember {
  template <class T>
  operator T&() const& noexcept;
  template <class T>
  operator T&&() const&& noexcept;
};

inline constexpr std::size_t kMembersMax = 16;

template <class T, std::size_t... I>
constexpr bool made_of(std::index_sequence<I...>) {
  return requires { T{(void(I), AnyMember{})...}; };
}
template <class T, std::size_t N = kMembersMax + 1>
constexpr std::size_t member_count() {
  if constexpr (N == 0) {
    return 0;
  } else if constexpr (made_of<T>(std::make_index_sequence<N>())) {
    return N;
  } else {
    return member_count<T, N - 1>();
  }
}

/// References to the members of an aggregate, in order.
template <class T>
constexpr auto members(T& object) {
  constexpr std::size_t n = member_count<std::remove_const_t<T>>();
  if constexpr (n == 0) {
    return std::tuple<>();
  } else if constexpr (n == 1) {
    auto& [a] = object;
    return std::tie(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = object;
    return std::tie(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = object;
    return std::tie(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = object;
    return std::tie(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = object;
    return std::tie(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = object;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = object;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = object;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = object;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (n == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (n == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (n == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (n == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (n == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o);
  } else if constexpr (n == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p);
  } else {
    static_assert(
        n == 16,
        "more than 16 members: describe the struct, "
        "template <> struct state_traits<S> : described<field<\"name\", &S::name>, …> {};");
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q] = object;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q);
  }
}

template <class T>
struct Holder {
  T value;
};
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"  // of types in anonymous namespaces
#endif
/// Never defined: only places in it are named, by the compiler.
template <class T>
extern const Holder<T> kNowhere;
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

template <class T>
struct PlaceOf {
  const T* at;
};
template <class T>
PlaceOf(const T*) -> PlaceOf<T>;

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif
template <class T, std::size_t I>
consteval auto place_of_member() {
  return PlaceOf{&std::get<I>(members(kNowhere<T>.value))};
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

/// The compiler's name of the place: "…kNowhere<Account>.value.cents…".
template <auto Place>
consteval const char* spelled() {
  return __PRETTY_FUNCTION__;
}
/// Its last word.
template <auto Place>
consteval std::string_view last_word() {
  constexpr auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::string_view text = spelled<Place>();
  std::size_t end = text.size();
  while (end > 0 && !is_word(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

/// A member of an aggregate that nobody described.
template <class T, std::size_t I>
struct MemberField {
  using Owner = T;
  using Value = std::remove_cvref_t<decltype(std::get<I>(members(std::declval<T&>())))>;
  static constexpr std::string_view name = last_word<place_of_member<T, I>()>();
  static constexpr bool as_varint = false;
  static constexpr Value& of(T& object) { return std::get<I>(members(object)); }
  static constexpr const Value& of(const T& object) { return std::get<I>(members(object)); }
};

template <class T, std::size_t... I>
FieldList<MemberField<T, I>...> member_fields(std::index_sequence<I...>);

template <class T>
constexpr auto fields_of() {
  if constexpr (StateDescribed<T>) {
    return typename state_traits<T>::Fields();
  } else if constexpr (EventDescribed<T>) {
    return typename event_traits<T>::Fields();
  } else {
    return decltype(member_fields<T>(std::make_index_sequence<member_count<T>()>()))();
  }
}

/// A struct whose fields are known.
template <class T>
concept HasFields =
    std::is_class_v<T> && (StateDescribed<T> || EventDescribed<T> || std::is_aggregate_v<T>);

template <class T>
using Fields = decltype(fields_of<T>());

}  // namespace detail
}  // namespace stele::projections
