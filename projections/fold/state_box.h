// One state of a type that is only known when the program runs: for caches, copies beside the
// fold, and comparisons.
//
//   StateBox box(definition.state);            // the state before the first event
//   STELE_DO(box.decode(bytes));
//   definition.find(type)->run(…box.data()…)
//
// Invariant: data() is a constructed state of type(), but for a box that was moved from: that one
// can be assigned to or destroyed, no more. Lifetime: the StateType (its Definition) outlives the
// box. Thread: its owner's.
#pragma once

#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "projections/fold/state_type.h"

namespace stele::projections {

class StateBox {
public:
  explicit StateBox(const StateType& type) : type_(&type), at_(allocate(type)) {
    make([&](void* at) { type.construct(at); });
  }
  /// A copy of a state that somebody else owns.
  StateBox(const StateType& type, const void* state) : type_(&type), at_(allocate(type)) {
    make([&](void* at) { type.copy(at, state); });
  }
  StateBox(const StateBox& other) : StateBox(*other.type_, other.at_) {}
  StateBox(StateBox&& other) noexcept
      : type_(other.type_), at_(std::exchange(other.at_, nullptr)) {}
  StateBox& operator=(StateBox other) noexcept {
    std::swap(type_, other.type_);
    std::swap(at_, other.at_);
    return *this;
  }
  ~StateBox() {
    if (at_ == nullptr) return;
    type_->destroy(at_);
    release();
  }

  [[nodiscard]] void* data() { return at_; }
  [[nodiscard]] const void* data() const { return at_; }
  [[nodiscard]] const StateType& type() const { return *type_; }

  /// Appends the state's bytes.
  void encode(Bytes& to) const { type_->encode(at_, to); }
  [[nodiscard]] Bytes encoded() const {
    Bytes bytes;
    encode(bytes);
    return bytes;
  }
  /// Replaces the state. kCorrupt: it is some constructed state then.
  Result<void> decode(ByteView bytes) { return type_->decode(bytes, at_); }
  /// JSON.
  [[nodiscard]] std::string print() const {
    std::string text;
    type_->print(at_, text);
    return text;
  }

private:
  static void* allocate(const StateType& type) {
    return ::operator new(type.size, std::align_val_t(type.align));
  }
  void release() noexcept { ::operator delete(at_, type_->size, std::align_val_t(type_->align)); }
  template <class Making>
  void make(Making making) {
    try {
      making(at_);
    } catch (...) {
      release();
      throw;
    }
  }

  const StateType* type_;
  void* at_;
};

}  // namespace stele::projections
