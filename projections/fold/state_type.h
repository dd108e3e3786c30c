// What the engine knows of a state's type: how to make, move, copy, destroy, encode and decode one.
// Made from a C++ type by state_type_of<S>() of fold/state_codec.h. Thread: any; functions are
// pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "log/base/bytes.h"
#include "log/base/error.h"

namespace stele::projections {

struct StateType {
  std::size_t size = 0;
  std::size_t align = 1;
  bool trivial = false;  ///< trivially copyable: copy and move are memcpy, destroy is nothing
  void (*construct)(void* at) = nullptr;  ///< the state before the first event
  void (*destroy)(void* at) = nullptr;
  void (*move)(void* to, void* from) = nullptr;            ///< to: raw memory; destroys `from`, too
  void (*copy)(void* to, const void* from) = nullptr;      ///< to: raw memory
  void (*encode)(const void* state, Bytes& to) = nullptr;  ///< appends
  /// `at` holds a constructed state, which it replaces. kCorrupt.
  Result<void> (*decode)(ByteView bytes, void* at) = nullptr;
  void (*print)(const void* state, std::string& to) = nullptr;  ///< appends JSON, fields in order
  std::string shape;  ///< names and kinds of the fields: part of the fingerprint
};

}  // namespace stele::projections
