#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "tests/compat/kafka-wire/wire_peer.h"
#include "tests/server/kafka/wire/every_message.h"

namespace stele::kafka {
namespace {

template <class T>
std::string default_text(const T& value) {
  if constexpr (std::same_as<T, Records> || std::same_as<T, std::optional<ByteView>> ||
                std::same_as<T, ByteView>) {
    return "-";  // bytes are always sent
  } else if constexpr (requires { T::kFields; } || requires { value->kFields; }) {
    return "-";  // defaults of their own
  } else if constexpr (std::same_as<T, double>) {
    return fmt::format("{:.1f}", value);
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<std::int64_t>(value));
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::integral<T>) {
    return std::to_string(static_cast<std::int64_t>(value));
  } else if constexpr (requires { *value; }) {
    return value ? default_text(*value) : "null";
  } else if constexpr (std::same_as<T, Uuid>) {
    return value.is_zero() ? "zero" : "set";
  } else {
    return value.empty() ? "empty" : "set";
  }
}

struct ElementOf {
  template <class T>
  static T of(const T&);
  template <class T>
  static T of(const std::vector<T>&);
  template <class T>
  static auto of(const std::optional<T>&) -> decltype(of(std::declval<T>()));
};

template <class T>
constexpr bool is_array(const T&) {
  return false;
}
template <class T>
constexpr bool is_array(const std::vector<T>&) {
  return true;
}
template <class T>
constexpr bool is_array(const std::optional<std::vector<T>>&) {
  return true;
}

Versions overlap(Versions a, Versions b) {
  return {std::max(a.first, b.first), std::min(a.last, b.last)};
}

std::string span(Versions of_field, Versions versions) {
  const Versions both = overlap(of_field, versions);
  return both.first > both.last ? std::string("none") : fmt::format("{}-{}", both.first, both.last);
}

/// What a line says of a field whose type no longer matters.
struct Line {
  bool array;
  bool tagged;
  std::string default_text;
};

/// Prints the field; its place, for the fields below it.
std::string print_line(const std::string& place, const FieldInfo& info, Versions versions,
                       const Line& line) {
  std::string here = fmt::format("{}.{}{}", place, info.name, line.array ? "[]" : "");
  std::cout << fmt::format("{} {} {} {} {}\n", here, span(info.versions, versions),
                           span(info.nullable, versions),
                           line.tagged ? std::to_string(info.tag) : "-", line.default_text);
  return here;
}

template <class T>
void print_fields(const std::string& place, Versions versions) {
  const T unset{};
  const auto one = [&]<class F>(const F& field) {
    const Versions here_versions = overlap(field.info.versions, versions);
    if (here_versions.first > here_versions.last) return;  // of the struct's other users
    const auto& value = unset.*F::kMember;
    using Element = decltype(ElementOf::of(value));
    const std::string here =
        print_line(place, field.info, versions, {is_array(value), F::kTagged, default_text(value)});
    if constexpr (requires { Element::kFields; }) print_fields<Element>(here, here_versions);
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, T::kFields);
}

}  // namespace

void print_schema() {
  for_each_message(
      []<class M> { print_fields<M>(std::string(M::kMessage.name), M::kMessage.versions); });
}

}  // namespace stele::kafka
