// What a process manager wants done besides its state. Nothing is done inside the handler: effects
// leave after the events that caused them are folded, each with an id that is the same at every
// replay, so that it happens once; those of events below the projection's `effects_from` are muted.
// Thread: the fold's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/events/event.h"

namespace stele::projections {

class Effects {
public:
  Effects() = default;
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;
  virtual ~Effects() = default;

  /// Appends the event to the topic; its id and, if none is given, its time are set: a function of
  /// the causing event.
  virtual void append(std::string topic, log::NewEvent event) = 0;
  /// Appends the event at `at_ms` (wall clock, since 1970), or as soon as possible after it.
  /// `timer` names it within the projection; a timer of that name that has not fired is replaced.
  /// Survives restarts.
  virtual void schedule(std::string timer, std::int64_t at_ms, std::string topic,
                        log::NewEvent event) = 0;
  /// Fine if it has fired already or never was.
  virtual void cancel(std::string_view timer) = 0;
};

}  // namespace stele::projections
