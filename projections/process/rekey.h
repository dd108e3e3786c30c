// Repartitioning: a projection that copies events to another topic under another key, so that what
// belongs together stands in one stream, in one partition.
//
//   auto by_carrier = rekey("flights").to("flights.by-carrier")
//     .by<Departed>([](const Departed& e) { return e.carrier; });
//   engine->add(by_carrier.projection());
//
// A copy is an effect: the event with another stream, exactly once and in order (process/outbox.h),
// with an id of its own and the first one's as extension `causationid`. Types without by<E>() are
// left behind, and so are events whose function gives no key; what cannot be copied is poison. It
// keeps no states. The projection's
// name is "<from>.to.<to>". Thread: as Projection.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include "projections/fold/projection.h"

namespace stele::projections {

/// The state of who keeps none.
struct Rekeyed {
  friend bool operator==(const Rekeyed&, const Rekeyed&) = default;
};

/// The event as one that can be appended elsewhere: all that its record says but its id, and what
/// stands for one happening alone (lasting tags, its cause, its timer). kInvalid: a record that no
/// event can be made of.
[[nodiscard]] Result<log::NewEvent> copied(const InputEvent& event);

class Rekey {
public:
  Rekey(const std::string& from, std::string to)
      : projection_(Projection<Rekeyed>(from + ".to." + to).from(from).key_by(no_key)),
        to_(std::move(to)) {}

  /// function(const E&), or (const E&, const Meta&), gives the new stream, or a std::optional.
  template <Event E, class F>
  [[nodiscard]] Rekey by(F function) const {
    Rekey next = *this;
    next.projection_ =
        projection_.on<E>([function = std::move(function), to = to_](
                              Rekeyed&, const E& event, const Meta& meta, Effects& effects) {
          std::optional<std::string> stream = key_of(function, event, meta);
          if (stream) {
            Result<log::NewEvent> copy = copied(meta.event());
            if (!copy) poison(copy.error().detail);
            copy->stream = std::move(stream);
            effects.append(to, *std::move(copy));
          }
          return drop;
        });
    return next;
  }

  [[nodiscard]] const Projection<Rekeyed>& projection() const { return projection_; }
  [[nodiscard]] DefinitionPtr definition() const { return projection_.definition(); }

private:
  static std::string no_key(const Meta& /*meta*/) { return {}; }

  template <class F, class E>
  static std::optional<std::string> key_of(const F& function, const E& event, const Meta& meta) {
    if constexpr (std::invocable<const F&, const E&>)
      return function(event);
    else
      return function(event, meta);
  }

  Projection<Rekeyed> projection_;
  std::string to_;
};

class RekeyFrom {
public:
  explicit RekeyFrom(std::string from) : from_(std::move(from)) {}
  [[nodiscard]] Rekey to(std::string topic) const { return Rekey(from_, std::move(topic)); }

private:
  std::string from_;
};

[[nodiscard]] inline RekeyFrom rekey(std::string from) {
  return RekeyFrom(std::move(from));
}

}  // namespace stele::projections
