// A state as it was before the handler that is running, to be put back if it fails.
// Thread: its owner's lock.
#pragma once

#include <cstring>
#include <memory>
#include <new>

#include "projections/fold/state_type.h"

namespace stele::projections {

class UndoCopy {
public:
  UndoCopy() = default;
  UndoCopy(const UndoCopy&) = delete;
  UndoCopy& operator=(const UndoCopy&) = delete;
  ~UndoCopy() {
    if (memory_ != nullptr) ::operator delete(memory_, std::align_val_t(align_));
  }

  [[nodiscard]] bool held() const { return held_; }
  void take(const StateType& type, const void* state) {
    if (memory_ == nullptr) {
      align_ = type.align;
      memory_ = ::operator new(type.size, std::align_val_t(align_));
    }
    if (type.trivial) {
      std::memcpy(memory_, state, type.size);
    } else {
      type.copy(memory_, state);
    }
    held_ = true;
  }
  /// `state` becomes the copy.
  void put_back(const StateType& type, void* state) {
    if (type.trivial) {
      std::memcpy(state, memory_, type.size);
    } else {
      type.destroy(state);
      type.move(state, memory_);
    }
    held_ = false;
  }
  void drop(const StateType& type) {
    if (held_ && !type.trivial) type.destroy(memory_);
    held_ = false;
  }

private:
  void* memory_ = nullptr;
  std::size_t align_ = 1;
  bool held_ = false;
};

}  // namespace stele::projections
