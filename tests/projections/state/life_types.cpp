#include "tests/projections/state/life_types.h"

#include <cstring>
#include <string>

namespace stele::projections {
namespace {

Definition definition(std::string name, StateType type) {
  Definition made;
  made.name = std::move(name);
  made.topics = {"orders"};
  made.state = std::move(type);
  return made;
}

}  // namespace

StateType text_type() {
  StateType type{.size = sizeof(std::string), .align = alignof(std::string)};
  type.construct = [](void* at) { new (at) std::string; };
  type.destroy = [](void* at) { std::destroy_at(static_cast<std::string*>(at)); };
  type.move = [](void* to, void* from) {
    new (to) std::string(std::move(*static_cast<std::string*>(from)));
    std::destroy_at(static_cast<std::string*>(from));
  };
  type.copy = [](void* to, const void* from) {
    new (to) std::string(*static_cast<const std::string*>(from));
  };
  type.encode = [](const void* state, Bytes& to) {
    const ByteView text = as_bytes(*static_cast<const std::string*>(state));
    to.insert(to.end(), text.begin(), text.end());
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    *static_cast<std::string*>(at) = as_text(bytes);
    return {};
  };
  type.shape = "text";
  return type;
}

StateType tally_type() {
  StateType type{.size = sizeof(Tally), .align = alignof(Tally), .trivial = true};
  type.construct = [](void* at) { new (at) Tally; };
  type.destroy = [](void*) {};
  type.move = [](void* to, void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.copy = [](void* to, const void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.encode = [](const void* state, Bytes& to) {
    const ByteView bytes(static_cast<const std::byte*>(state), sizeof(Tally));
    to.insert(to.end(), bytes.begin(), bytes.end());
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    if (bytes.size() != sizeof(Tally))
      return std::unexpected(Error{Code::kCorrupt, "a tally of another size"});
    std::memcpy(at, bytes.data(), sizeof(Tally));
    return {};
  };
  type.shape = "count u64, sum i64";
  return type;
}

LifeFolds::LifeFolds()
    : texts(definition("texts", text_type())), tallies(definition("tallies", tally_type())) {}

}  // namespace stele::projections
