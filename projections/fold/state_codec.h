// How states become bytes: the same value, the same bytes, on every machine and at every replay.
//
//   int, enum   little-endian, in their width      optional   0, or 1 and the value
//     varint    zigzag, base 128                   list       count, values
//   bool        0 or 1                             map, set   count, pairs or keys, ascending
//   double      IEEE 754 bits                      variant    index, value
//   text        size, bytes                        struct     its fields, in order
//   (sizes, counts and indexes are base-128 varints)
//
// A state is, in this order of choice:
//   state_traits<S> with encode(const S&, Bytes&), decode(ByteView) -> Result<S>     its own
//   state_traits<S> : described<field<"cents", &S::cents>, …>                        by its fields
//   a Protobuf message (SerializeAsString has to be deterministic: no map fields)
//   a struct without bases, with at most 16 members                                  by its members
//   trivially copyable without padding                                               its memory
// Decoding believes nothing: sizes are checked against what is left, bools and orders too, so that
// other bytes than the encoder's are kCorrupt. Thread: any; pure.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "projections/fold/json_print.h"
#include "projections/fold/state_type.h"
#include "projections/fold/value_kinds.h"

namespace stele::projections {
namespace detail {

template <class Number>
void put_fixed(Bytes& to, Number value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  std::memcpy(to.data() + at, &value, sizeof value);
}
void put_varint(Bytes& to, std::uint64_t value);
inline void put_block(Bytes& to, ByteView bytes) {
  put_varint(to, bytes.size());
  to.insert(to.end(), bytes.begin(), bytes.end());
}
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Takes values off bytes. A failure is sticky: later values are zeros and empty.
class StateReader {
public:
  explicit StateReader(ByteView bytes) : left_(bytes) {}

  template <class Number>
  Number fixed() {
    Number value{};
    if (const ByteView bytes = take(sizeof value); !bytes.empty()) {
      std::memcpy(&value, bytes.data(), sizeof value);
    }
    return value;
  }
  std::uint64_t varint();
  /// Empty if fewer are left.
  ByteView take(std::size_t count) {
    if (count > left_.size()) {
      fail();
      return {};
    }
    const ByteView taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  ByteView block() { return take(varint()); }
  /// A count of elements of at least a byte each; 0 after a failure.
  std::size_t count() {
    const std::uint64_t count = varint();
    if (count <= left_.size()) return count;
    fail();
    return 0;
  }
  void fail() {
    failed_ = true;
    left_ = {};
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return left_.empty(); }
  /// Structs in structs: no deeper than kDepthMax.
  bool enter() {
    constexpr int kDepthMax = 64;
    if (++depth_ > kDepthMax) fail();
    return !failed_;
  }
  void leave() { --depth_; }

private:
  ByteView left_;
  int depth_ = 0;
  bool failed_ = false;
};

Error state_corrupt();

template <class T>
void encode_value(const T& value, Bytes& to);
template <class T>
void decode_value(StateReader& from, T& value);

template <class Range>
void encode_each(const Range& range, Bytes& to) {
  put_varint(to, range.size());
  for (const auto& element : range) encode_value(element, to);
}

/// Of containers that have no order: elements sorted.
template <class Container>
auto sorted_places(const Container& container) {
  std::vector<const typename Container::value_type*> places;
  places.reserve(container.size());
  for (const auto& element : container) places.push_back(std::addressof(element));
  std::ranges::sort(places, [](const auto* left, const auto* right) {
    if constexpr (HashMap<Container>) {
      return left->first < right->first;
    } else {
      return *left < *right;
    }
  });
  return places;
}

template <class T>
void encode_container(const T& value, Bytes& to) {
  if constexpr (HashMap<T> || HashSet<T>) {
    put_varint(to, value.size());
    for (const auto* element : sorted_places(value)) encode_value(*element, to);
  } else if constexpr (is_array<T>) {
    for (const auto& element : value) encode_value(element, to);
  } else {
    encode_each(value, to);
  }
}

/// Their memory, nested blocks: what stands alone takes all bytes, what is nested its size first.
template <class T>
void encode_opaque(const T& value, Bytes& to) {
  if constexpr (OwnCodec<T>) {
    state_traits<T>::encode(value, to);
  } else if constexpr (ProtobufMessage<T>) {
    const std::string text = value.SerializeAsString();
    const ByteView bytes = as_bytes(text);
    to.insert(to.end(), bytes.begin(), bytes.end());
  } else {
    static_assert(
        Raw<T>,
        "no codec for this type. Describe its fields: template <> struct state_traits<S> "
        ": described<field<\"name\", &S::name>, …> {}; or give state_traits<S> an encode() "
        "and a decode() of your own");
    put_fixed(to, value);
  }
}

template <class F>
void encode_field(const typename F::Value& value, Bytes& to) {
  if constexpr (F::as_varint) {
    static_assert(Integer<typename F::Value>, "varint: the field is no integer");
    if constexpr (std::is_signed_v<typename F::Value>) {
      put_varint(to, zigzag(value));
    } else {
      put_varint(to, value);
    }
  } else {
    encode_value(value, to);
  }
}

template <class T>
void encode_value(const T& value, Bytes& to) {
  if constexpr (OwnCodec<T> || ProtobufMessage<T>) {
    Bytes block;
    encode_opaque(value, block);
    put_block(to, block);
  } else if constexpr (std::same_as<T, bool>) {
    put_fixed(to, static_cast<std::uint8_t>(value));
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    put_fixed(to, value);
  } else if constexpr (Text<T>) {
    put_block(to, as_bytes(value));
  } else if constexpr (std::same_as<T, Bytes>) {
    put_block(to, value);
  } else if constexpr (Duration<T>) {
    put_fixed(to, value.count());
  } else if constexpr (Optional<T>) {
    put_fixed(to, static_cast<std::uint8_t>(value.has_value()));
    if (value) encode_value(*value, to);
  } else if constexpr (Variant<T>) {
    put_varint(to, value.index());
    std::visit([&](const auto& held) { encode_value(held, to); }, value);
  } else if constexpr (Pair<T>) {
    encode_value<std::remove_const_t<typename T::first_type>>(value.first, to);
    encode_value(value.second, to);
  } else if constexpr (List<T> || SortedSet<T> || SortedMap<T> || HashSet<T> || HashMap<T> ||
                       is_array<T>) {
    encode_container(value, to);
  } else if constexpr (Struct<T>) {
    Fields<T>::each([&]<class F>() { encode_field<F>(F::of(value), to); });
  } else {
    encode_opaque(value, to);
  }
}

template <class T>
void decode_list(StateReader& from, T& value) {
  value.clear();
  for (std::size_t left = from.count(); left > 0 && !from.failed(); --left) {
    typename T::value_type element{};
    decode_value(from, element);
    value.push_back(std::move(element));
  }
}

/// Keys have to ascend: otherwise they are not the encoder's.
template <class T>
void decode_keyed(StateReader& from, T& value) {
  using K = typename T::key_type;
  value.clear();
  std::optional<K> last;
  for (std::size_t left = from.count(); left > 0 && !from.failed(); --left) {
    K key{};
    decode_value(from, key);
    if (last && !(*last < key)) from.fail();
    last = key;
    if constexpr (SortedMap<T> || HashMap<T>) {
      typename T::mapped_type mapped{};
      decode_value(from, mapped);
      value.emplace(std::move(key), std::move(mapped));
    } else {
      value.insert(std::move(key));
    }
  }
}

template <class T, std::size_t I = 0>
void decode_variant(StateReader& from, std::uint64_t index, T& value) {
  if constexpr (I == std::variant_size_v<T>) {
    from.fail();
  } else if (index == I) {
    decode_value(from, value.template emplace<I>());
  } else {
    decode_variant<T, I + 1>(from, index, value);
  }
}

/// `bytes`: all that is the value's.
template <class T>
bool decode_opaque(ByteView bytes, T& value) {
  if constexpr (OwnCodec<T>) {
    Result<T> decoded = state_traits<T>::decode(bytes);
    if (!decoded) return false;
    value = *std::move(decoded);
    return true;
  } else {
    return bytes.size() <= INT32_MAX &&
           value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
}

template <class F>
void decode_field(StateReader& from, typename F::Value& value) {
  using V = typename F::Value;
  if constexpr (!F::as_varint) {
    decode_value(from, value);
  } else {
    const std::uint64_t raw = from.varint();
    if constexpr (std::is_signed_v<V>) {
      value = static_cast<V>(unzigzag(raw));
      if (value != unzigzag(raw)) from.fail();
    } else {
      value = static_cast<V>(raw);
      if (value != raw) from.fail();
    }
  }
}

template <class T>
void decode_scalar(StateReader& from, T& value) {
  if constexpr (std::same_as<T, bool>) {
    const auto byte = from.fixed<std::uint8_t>();
    if (byte > 1) from.fail();
    value = byte == 1;
  } else {
    value = from.fixed<T>();
  }
}

template <class T>
void decode_struct(StateReader& from, T& value) {
  if (from.enter()) {
    Fields<T>::each([&]<class F>() { decode_field<F>(from, F::of(value)); });
  }
  from.leave();
}

template <class T>
void decode_value(StateReader& from, T& value) {
  if constexpr (OwnCodec<T> || ProtobufMessage<T>) {
    if (!decode_opaque(from.block(), value)) from.fail();
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    decode_scalar(from, value);
  } else if constexpr (Text<T>) {
    value = as_text(from.block());
  } else if constexpr (std::same_as<T, Bytes>) {
    const ByteView block = from.block();
    value.assign(block.begin(), block.end());
  } else if constexpr (Duration<T>) {
    value = T(from.fixed<typename T::rep>());
  } else if constexpr (Optional<T>) {
    bool engaged = false;
    decode_scalar(from, engaged);
    value.reset();
    if (engaged) decode_value(from, value.emplace());
  } else if constexpr (Variant<T>) {
    decode_variant(from, from.varint(), value);
  } else if constexpr (Pair<T>) {
    decode_value(from, value.first);
    decode_value(from, value.second);
  } else if constexpr (List<T>) {
    decode_list(from, value);
  } else if constexpr (is_array<T>) {
    for (auto& element : value) decode_value(from, element);
  } else if constexpr (SortedSet<T> || SortedMap<T> || HashSet<T> || HashMap<T>) {
    decode_keyed(from, value);
  } else if constexpr (Struct<T>) {
    decode_struct(from, value);
  } else {
    value = from.fixed<T>();
  }
}

template <class T>
void append_shape(std::string& to);

template <class T>
void append_container_shape(std::string& to) {
  if constexpr (SortedMap<T> || HashMap<T>) {
    to += "map<";
    append_shape<typename T::key_type>(to);
    to += ", ";
    append_shape<typename T::mapped_type>(to);
  } else {
    to += List<T> ? "list<" : is_array<T> ? "array<" : "set<";
    append_shape<typename T::value_type>(to);
    if constexpr (is_array<T>) to += ", " + std::to_string(std::tuple_size_v<T>);
  }
  to += ">";
}

template <class T>
void append_struct_shape(std::string& to) {
  thread_local bool inside = false;  // a list of its own kind: told once
  if (std::exchange(inside, true)) {
    to += "{…}";
    return;
  }
  to += "{";
  bool first = true;
  Fields<T>::each([&]<class F>() {
    if (!std::exchange(first, false)) to += ", ";
    to += F::name;
    to += F::as_varint ? ": varint " : ": ";
    append_shape<typename F::Value>(to);
  });
  to += "}";
  inside = false;
}

template <class T>
void append_opaque_shape(std::string& to) {
  if constexpr (requires { std::string_view(state_traits<T>::shape); }) {
    to += state_traits<T>::shape;
  } else if constexpr (OwnCodec<T>) {
    to += "own";
  } else if constexpr (requires(const T& message) { std::string(message.GetTypeName()); }) {
    to += "protobuf " + std::string(T().GetTypeName());
  } else if constexpr (ProtobufMessage<T>) {
    to += "protobuf";
  } else {
    to += "raw<" + std::to_string(sizeof(T)) + ", " + std::to_string(alignof(T)) + ">";
  }
}

/// "{cents: i64, open: bool, tags: list<text>}".
template <class T>
void append_shape(std::string& to) {
  if constexpr (OwnCodec<T> || ProtobufMessage<T>) {
    append_opaque_shape<T>(to);
  } else if constexpr (std::is_enum_v<T>) {
    to += scalar_name<std::underlying_type_t<T>>();
  } else if constexpr (std::is_arithmetic_v<T>) {
    to += scalar_name<T>();
  } else if constexpr (Text<T> || std::same_as<T, std::string_view>) {
    to += "text";
  } else if constexpr (std::same_as<T, Bytes>) {
    to += "bytes";
  } else if constexpr (Duration<T>) {
    append_shape<typename T::rep>(to);
  } else if constexpr (Optional<T>) {
    to += "optional<";
    append_shape<typename T::value_type>(to);
    to += ">";
  } else if constexpr (Variant<T>) {
    to += "variant<";
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((to += I == 0 ? "" : ", ", append_shape<std::variant_alternative_t<I, T>>(to)), ...);
    }(std::make_index_sequence<std::variant_size_v<T>>());
    to += ">";
  } else if constexpr (Pair<T>) {
    to += "pair<";
    append_shape<typename T::first_type>(to);
    to += ", ";
    append_shape<typename T::second_type>(to);
    to += ">";
  } else if constexpr (List<T> || SortedSet<T> || SortedMap<T> || HashSet<T> || HashMap<T> ||
                       is_array<T>) {
    append_container_shape<T>(to);
  } else if constexpr (Struct<T>) {
    append_struct_shape<T>(to);
  } else {
    append_opaque_shape<T>(to);
  }
}

/// The functions of StateType, for S.
template <class S>
struct StateFunctions {
  static S* as(void* at) { return std::launder(static_cast<S*>(at)); }
  static const S* as(const void* at) { return std::launder(static_cast<const S*>(at)); }

  static void construct(void* at) { ::new (at) S(); }
  static void destroy(void* at) { as(at)->~S(); }
  static void move(void* to, void* from) {
    ::new (to) S(std::move(*as(from)));
    as(from)->~S();
  }
  static void copy(void* to, const void* from) { ::new (to) S(*as(from)); }
  static void encode(const void* state, Bytes& to) {
    if constexpr (OwnCodec<S> || ProtobufMessage<S>) {
      encode_opaque(*as(state), to);
    } else {
      encode_value(*as(state), to);
    }
  }
  static Result<void> decode(ByteView bytes, void* at) {
    S decoded{};
    if constexpr (OwnCodec<S>) {
      STELE_TRY(decoded, state_traits<S>::decode(bytes));
    } else if constexpr (ProtobufMessage<S>) {
      if (!decode_opaque(bytes, decoded)) return std::unexpected(state_corrupt());
    } else {
      StateReader from(bytes);
      decode_value(from, decoded);
      if (from.failed() || !from.at_end()) return std::unexpected(state_corrupt());
    }
    *as(at) = std::move(decoded);
    return {};
  }
  static void print(const void* state, std::string& to) { print_json(*as(state), to); }
};

}  // namespace detail

/// What the engine needs to know of S.
template <class S>
[[nodiscard]] StateType state_type_of() {
  static_assert(std::is_default_constructible_v<S>,
                "a state needs a default constructor: the state before the first event");
  static_assert(std::is_copy_constructible_v<S> && std::is_copy_assignable_v<S>,
                "a state is copied, for undoing and for snapshots");
  using Functions = detail::StateFunctions<S>;
  StateType type{.size = sizeof(S),
                 .align = alignof(S),
                 .trivial = std::is_trivially_copyable_v<S>,
                 .construct = &Functions::construct,
                 .destroy = &Functions::destroy,
                 .move = &Functions::move,
                 .copy = &Functions::copy,
                 .encode = &Functions::encode,
                 .decode = &Functions::decode,
                 .print = &Functions::print,
                 .shape = {}};
  detail::append_shape<S>(type.shape);
  return type;
}

}  // namespace stele::projections
