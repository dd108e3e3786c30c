// How a Kafka message is described: a plain struct and, inside it, a constexpr list saying in which
// versions each member is on the wire and how. The generic reader and writer (walk.h) follow the
// list; nothing else knows a message's layout.
//
//   struct Endpoint {
//     std::int32_t node_id = 0;
//     std::optional<std::string> rack;                       // the member's initializer is the
//     wire default
//
//     using Self = Endpoint;
//     static constexpr auto kFields = fields(field<&Self::node_id>(from(0)),
//                                            field<&Self::rack>(from(1)).nullable(from(1)));
//   };
//
// Order in the list is order on the wire. Members absent in a version keep their initializer on
// reading and are left out on writing. A tagged member is written when it differs from its
// initializer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>

namespace stele::kafka {

/// A range of message versions, both ends included.
struct Versions {
  std::int16_t first = 0;
  std::int16_t last = -1;

  [[nodiscard]] constexpr bool has(std::int16_t version) const {
    return first <= version && version <= last;
  }
  friend constexpr bool operator==(Versions, Versions) = default;
};

inline constexpr Versions kNever{};
[[nodiscard]] constexpr Versions from(std::int16_t first) {
  return {first, std::numeric_limits<std::int16_t>::max()};
}
[[nodiscard]] constexpr Versions between(std::int16_t first, std::int16_t last) {
  return {first, last};
}

/// What the list says about one member.
struct FieldInfo {
  std::string_view name;
  Versions versions;
  Versions nullable = kNever;  ///< needs a std::optional or Records member
  bool compact = true;         ///< false: the old length form even in flexible versions
  std::uint32_t tag = 0;       ///< of tagged fields only
};

/// The member's own name, out of the compiler's spelling of this function.
template <auto Member>
[[nodiscard]] constexpr std::string_view member_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_suffix(1);  // "]"
  return text.substr(text.rfind(':') + 1);
}

/// A member in its place in the message's body.
template <auto Member>
struct Field {
  static constexpr auto kMember = Member;
  static constexpr bool kTagged = false;
  FieldInfo info;

  [[nodiscard]] constexpr Field nullable(Versions versions) const {
    Field changed = *this;
    changed.info.nullable = versions;
    return changed;
  }
  [[nodiscard]] constexpr Field never_compact() const {
    Field changed = *this;
    changed.info.compact = false;
    return changed;
  }
};

/// A member among the tagged fields after the body, in flexible versions only. Its type needs ==.
template <auto Member>
struct TaggedField {
  static constexpr auto kMember = Member;
  static constexpr bool kTagged = true;
  FieldInfo info;

  [[nodiscard]] constexpr TaggedField nullable(Versions versions) const {
    TaggedField changed = *this;
    changed.info.nullable = versions;
    return changed;
  }
};

template <auto Member>
[[nodiscard]] constexpr Field<Member> field(Versions versions) {
  return {{.name = member_name<Member>(), .versions = versions}};
}
template <auto Member>
[[nodiscard]] constexpr TaggedField<Member> tagged(std::uint32_t tag, Versions versions) {
  return {{.name = member_name<Member>(), .versions = versions, .tag = tag}};
}
/// Tagged members must be listed by rising tag: that is their order on the wire.
template <class... Members>
[[nodiscard]] constexpr std::tuple<Members...> fields(Members... members) {
  return {members...};
}

/// What holds for a whole message. A struct with a kMessage can be read and written by itself.
struct Message {
  std::string_view name;
  Versions versions;
  std::int16_t flexible_from = std::numeric_limits<std::int16_t>::max();
};

}  // namespace stele::kafka
