// The generic reader and writer: they walk a message's field list with a version known at run time.
// Included only by the .cpp files that instantiate them for their messages (and by tests with
// messages of their own), so that the rest of the house pays nothing for it.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "log/base/fail.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/reader.h"
#include "server/kafka/wire/schema.h"
#include "server/kafka/wire/writer.h"

namespace stele::kafka::walk {

struct Walk {
  std::int16_t version;
  bool flexible;
};

template <class T>
concept Struct = requires { T::kFields; };
/// What a null struct is held in.
template <class T>
concept NullableStruct = requires(T t) { requires Struct<std::remove_cvref_t<decltype(*t)>>; };
template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Scalar = std::integral<T> || std::same_as<T, double> || std::same_as<T, Uuid>;

[[nodiscard]] inline Slot slot_of(const FieldInfo& info, Walk walk) {
  return {.compact = walk.flexible && info.compact, .nullable = info.nullable.has(walk.version)};
}

template <Struct T>
[[nodiscard]] constexpr bool has_tagged() {
  return std::apply([](const auto&... field) { return (field.kTagged || ...); }, T::kFields);
}

// ---- least bytes of a value, to bound an element count before anything is allocated

template <class T>
[[nodiscard]] std::size_t bytes_min(bool compact, Walk walk) {
  if constexpr (Struct<T>) {
    const auto of_field = [&]<class F>(const F& field) -> std::size_t {
      using Member = std::remove_cvref_t<decltype(std::declval<T&>().*F::kMember)>;
      if (F::kTagged || !field.info.versions.has(walk.version)) return 0;
      return bytes_min<Member>(slot_of(field.info, walk).compact, walk);
    };
    return std::apply([&](const auto&... field) { return (of_field(field) + ...); }, T::kFields) +
           (walk.flexible ? 1 : 0);
  } else if constexpr (Scalar<T> || Enum<T>) {
    return sizeof(T);
  } else if constexpr (NullableStruct<T>) {
    return 1;
  } else if constexpr (std::is_constructible_v<std::string_view, T> ||
                       std::same_as<T, std::optional<std::string_view>> ||
                       std::same_as<T, std::optional<std::string>>) {
    return compact ? 1 : 2;
  } else {
    return compact ? 1 : 4;
  }
}

// ---- reading

template <Struct T>
[[nodiscard]] bool read_struct(Reader& reader, T& out, Walk walk);

template <Scalar T>
[[nodiscard]] bool read_value(Reader& reader, T& out, Slot, Walk) {
  return reader.fixed(out);
}
template <Enum T>
[[nodiscard]] bool read_value(Reader& reader, T& out, Slot, Walk) {
  std::underlying_type_t<T> number{};
  if (!reader.fixed(number)) return false;
  out = static_cast<T>(number);
  return true;
}
inline bool read_value(Reader& reader, std::optional<std::string_view>& out, Slot slot, Walk) {
  return reader.text(slot, out);
}
inline bool read_value(Reader& reader, std::optional<ByteView>& out, Slot slot, Walk) {
  return reader.bytes(slot, out);
}
inline bool read_value(Reader& reader, std::optional<std::string>& out, Slot slot, Walk) {
  std::optional<std::string_view> view;
  if (!reader.text(slot, view)) return false;
  out = view;
  return true;
}
inline bool read_value(Reader& reader, Records& out, Slot slot, Walk) {
  std::optional<ByteView> bytes;
  if (!reader.bytes(slot, bytes)) return false;
  out.null = !bytes;
  out.pieces.clear();
  if (bytes) out.pieces.push_back(*bytes);
  return true;
}
template <class T>
  requires std::same_as<T, std::string_view> || std::same_as<T, std::string> ||
           std::same_as<T, ByteView>
[[nodiscard]] bool read_value(Reader& reader, T& out, Slot slot, Walk walk) {
  std::optional<T> value;
  if (!read_value(reader, value, slot, walk)) return false;
  out = *std::move(value);  // the slot is not nullable
  return true;
}
template <Struct T>
[[nodiscard]] bool read_value(Reader& reader, T& out, Slot, Walk walk) {
  return read_struct(reader, out, walk);
}
template <Struct T>
[[nodiscard]] bool read_value(Reader& reader, std::optional<T>& out, Slot slot, Walk walk) {
  out.reset();
  bool present = false;
  if (!reader.presence(slot, present)) return false;
  return !present || read_struct(reader, out.emplace(), walk);
}
template <class T>
[[nodiscard]] bool read_value(Reader& reader, std::optional<std::vector<T>>& out, Slot slot,
                              Walk walk) {
  const std::size_t element_bytes_min = std::max<std::size_t>(1, bytes_min<T>(slot.compact, walk));
  std::optional<std::size_t> count;
  if (!reader.count(slot, element_bytes_min, count)) return false;
  out.reset();
  if (!count) return true;
  out.emplace().resize(*count);
  for (std::size_t i = 0; i < *count; ++i) {
    if (!read_value(reader, (*out)[i], Slot{.compact = slot.compact}, walk)) {
      return reader.within(i);
    }
  }
  return true;
}
template <class T>
[[nodiscard]] bool read_value(Reader& reader, std::vector<T>& out, Slot slot, Walk walk) {
  std::optional<std::vector<T>> value;
  if (!read_value(reader, value, slot, walk)) return false;
  out = *std::move(value);  // the slot is not nullable
  return true;
}

/// A field is read in its place; a tagged one when its number comes up.
template <class T>
[[nodiscard]] bool read_field(Reader& reader, T& out, const FieldInfo& info, Walk walk) {
  if (!info.versions.has(walk.version)) return true;
  return read_value(reader, out, slot_of(info, walk), walk) || reader.within(info.name);
}

template <class T>
[[nodiscard]] bool read_tagged_field(Reader& reader, T& out, const FieldInfo& info, Walk walk,
                                     ByteView contents) {
  const ByteView after = reader.swap(contents);
  if (!read_value(reader, out, slot_of(info, walk), walk)) return reader.within(info.name);
  if (!reader.swap(after).empty()) {
    (void)reader.fail("tagged field longer than its value");
    return reader.within(info.name);
  }
  return true;
}

template <Struct T>
[[nodiscard]] bool read_tags(Reader& reader, T& out, Walk walk) {
  std::uint32_t count = 0;
  if (!reader.tag_count(count)) return reader.within("tagged fields");
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t number = 0;
    ByteView contents;
    if (!reader.tag(number, contents)) return reader.within("tagged fields");
    const auto try_field = [&]<class F>(const F& field) {
      if constexpr (F::kTagged) {
        if (field.info.tag == number && field.info.versions.has(walk.version)) {
          return read_tagged_field(reader, out.*F::kMember, field.info, walk, contents);
        }
      }
      return true;  // not this one; a number that nobody knows is skipped
    };
    const bool ok =
        std::apply([&](const auto&... field) { return (try_field(field) && ...); }, T::kFields);
    if (!ok) return false;
  }
  return true;
}

template <Struct T>
bool read_struct(Reader& reader, T& out, Walk walk) {
  const auto one = [&]<class F>(const F& field) {
    if constexpr (F::kTagged)
      return true;
    else
      return read_field(reader, out.*F::kMember, field.info, walk);
  };
  const bool ok = std::apply([&](const auto&... field) { return (one(field) && ...); }, T::kFields);
  return ok && (!walk.flexible || read_tags(reader, out, walk));
}

// ---- writing

template <Struct T>
[[nodiscard]] bool write_struct(Writer& writer, const T& value, Walk walk);

template <Scalar T>
[[nodiscard]] bool write_value(Writer& writer, const T& value, Slot, Walk) {
  return writer.fixed(value);
}
template <Enum T>
[[nodiscard]] bool write_value(Writer& writer, const T& value, Slot, Walk) {
  return writer.fixed(static_cast<std::underlying_type_t<T>>(value));
}
inline bool write_value(Writer& writer, std::string_view value, Slot slot, Walk) {
  return writer.text(slot, value);
}
inline bool write_value(Writer& writer, ByteView value, Slot slot, Walk) {
  return writer.bytes(slot, value);
}
inline bool write_value(Writer& writer, const Records& value, Slot slot, Walk) {
  return writer.records(slot, value);
}
template <Struct T>
[[nodiscard]] bool write_value(Writer& writer, const T& value, Slot, Walk walk) {
  return write_struct(writer, value, walk);
}
template <class T>
[[nodiscard]] bool write_value(Writer& writer, const std::vector<T>& value, Slot slot, Walk walk) {
  if (!writer.count(slot, value.size())) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!write_value(writer, value[i], Slot{.compact = slot.compact}, walk)) {
      return writer.within(i);
    }
  }
  return true;
}
template <class T>
[[nodiscard]] bool write_value(Writer& writer, const std::optional<T>& value, Slot slot,
                               Walk walk) {
  if constexpr (Struct<T>) {
    return writer.presence(slot, value.has_value()) &&
           (!value || write_struct(writer, *value, walk));
  }
  if (value) return write_value(writer, *value, slot, walk);
  if constexpr (std::is_constructible_v<std::string_view, T>) {
    return writer.text(slot, std::nullopt);
  } else if constexpr (std::same_as<T, ByteView>) {
    return writer.bytes(slot, std::nullopt);
  } else {
    return writer.count(slot, std::nullopt);
  }
}

template <class T>
[[nodiscard]] bool write_field(Writer& writer, const T& value, const FieldInfo& info, Walk walk) {
  if (!info.versions.has(walk.version)) return true;
  return write_value(writer, value, slot_of(info, walk), walk) || writer.within(info.name);
}

template <class T>
[[nodiscard]] bool write_tagged_field(Writer& writer, const T& value, const FieldInfo& info,
                                      Walk walk) {
  Writer contents;
  if (!write_value(contents, value, slot_of(info, walk), walk)) {
    writer.take_problem(contents);
    return writer.within(info.name);
  }
  return writer.tag(info.tag, contents) || writer.within(info.name);
}

template <Struct T>
[[nodiscard]] bool write_tags(Writer& writer, const T& value, Walk walk) {
  if constexpr (!has_tagged<T>()) {
    return writer.varint(0);
  } else {
    const T unset{};
    const auto is_due = [&]<class F>(const F& field) {
      if constexpr (F::kTagged) {
        return field.info.versions.has(walk.version) && value.*F::kMember != unset.*F::kMember;
      } else {
        return false;
      }
    };
    const auto one = [&]<class F>(const F& field) {
      if constexpr (F::kTagged) {
        return !is_due(field) || write_tagged_field(writer, value.*F::kMember, field.info, walk);
      } else {
        return true;
      }
    };
    return std::apply(
        [&](const auto&... field) {
          writer.varint((std::uint32_t{is_due(field)} + ...));
          return (one(field) && ...);
        },
        T::kFields);
  }
}

template <Struct T>
bool write_struct(Writer& writer, const T& value, Walk walk) {
  const auto one = [&]<class F>(const F& field) {
    if constexpr (F::kTagged)
      return true;
    else
      return write_field(writer, value.*F::kMember, field.info, walk);
  };
  const bool ok = std::apply([&](const auto&... field) { return (one(field) && ...); }, T::kFields);
  return ok && (!walk.flexible || write_tags(writer, value, walk));
}

[[nodiscard]] inline Walk walk_of(const Message& message, std::int16_t version) {
  return {version, version >= message.flexible_from};
}

[[nodiscard]] inline std::unexpected<Error> not_served(const Message& message,
                                                       std::int16_t version) {
  return fail(Code::kUnsupported, "{} v{} is outside {} to {}", message.name, version,
              message.versions.first, message.versions.last);
}

}  // namespace stele::kafka::walk

namespace stele::kafka {

template <class M>
Result<M> read_prefix(std::int16_t version, ByteView& bytes, ReadLimits limits) {
  if (!M::kMessage.versions.has(version)) return walk::not_served(M::kMessage, version);
  Reader reader(bytes, limits);
  M message;
  if (!walk::read_struct(reader, message, walk::walk_of(M::kMessage, version))) {
    return std::unexpected(reader.error(M::kMessage.name, version));
  }
  bytes = reader.rest();
  return message;
}

template <class M>
Result<M> read(std::int16_t version, ByteView body, ReadLimits limits) {
  STELE_TRY(M message, read_prefix<M>(version, body, limits));
  if (!body.empty()) {
    return fail(Code::kInvalid, "{} v{}: {} bytes after its end", M::kMessage.name, version,
                body.size());
  }
  return message;
}

template <class M>
Result<void> write(Writer& out, std::int16_t version, const M& message) {
  if (!M::kMessage.versions.has(version)) return walk::not_served(M::kMessage, version);
  if (!walk::write_struct(out, message, walk::walk_of(M::kMessage, version))) {
    return std::unexpected(out.error(M::kMessage.name, version));
  }
  return {};
}

}  // namespace stele::kafka

/// One line per message in the .cpp of its group.
#define STELE_KAFKA_INSTANTIATE(M)                                        \
  template Result<M> read_prefix<M>(std::int16_t, ByteView&, ReadLimits); \
  template Result<M> read<M>(std::int16_t, ByteView, ReadLimits);         \
  template Result<void> write<M>(Writer&, std::int16_t, const M&)
