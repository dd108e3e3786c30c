// Values put into the members that a JsonType describes. Thread: any.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "projections/fold/json_decode.h"

namespace stele::projections::detail {

template <class T>
void store(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}
template <class T, class Wide>
[[nodiscard]] bool store_checked(void* to, Wide value) {
  if (!std::in_range<T>(value)) return false;
  store(to, static_cast<T>(value));
  return true;
}

/// False: it does not fit.
[[nodiscard]] inline bool store_signed(JsonKind kind, void* to, std::int64_t value) {
  if (kind == JsonKind::kI8) return store_checked<std::int8_t>(to, value);
  if (kind == JsonKind::kI16) return store_checked<std::int16_t>(to, value);
  if (kind == JsonKind::kI32) return store_checked<std::int32_t>(to, value);
  return store_checked<std::int64_t>(to, value);
}
[[nodiscard]] inline bool store_unsigned(JsonKind kind, void* to, std::uint64_t value) {
  if (kind == JsonKind::kU8) return store_checked<std::uint8_t>(to, value);
  if (kind == JsonKind::kU16) return store_checked<std::uint16_t>(to, value);
  if (kind == JsonKind::kU32) return store_checked<std::uint32_t>(to, value);
  return store_checked<std::uint64_t>(to, value);
}
inline void store_double(JsonKind kind, void* to, double value) {
  if (kind == JsonKind::kF32) {
    store(to, static_cast<float>(value));
  } else {
    store(to, value);
  }
}
inline void store_text(JsonKind kind, void* to, std::string_view text) {
  if (kind == JsonKind::kText) {
    *static_cast<std::string*>(to) = text;
  } else {
    *static_cast<std::string_view*>(to) = text;
  }
}

}  // namespace stele::projections::detail
