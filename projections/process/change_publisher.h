// Publishes a projection's changes as events, the old and the new state in each (event-carried
// state transfer): Definition::publish_topic.
//
//   changes.before(state);               the key is open, its handler has not run: null, no state
//   changes.after(key, state, event);    it has: null, the state was dropped
//   changes.forget();                    the handler failed
//
// An event of type "<projection>.Changed", stream = the key, data {"old":…,"new":…} as
// StateType::print says them (null: none), extensions `causationid` and `causationposition` of the
// event that caused it. Nothing is published if the state's bytes are what they were. Goes through
// the outbox: deterministic ids, muted on replay, exactly once. Numbered in the order of after():
// muted events need no number, so their states are not even looked at. Thread: the fold's.
#pragma once

#include <memory>
#include <string>

#include "projections/fold/definition.h"
#include "projections/process/outbox.h"

namespace stele::projections {

class ChangePublisher {
public:
  /// `outbox` outlives it. The definition has a publish_topic.
  ChangePublisher(DefinitionPtr definition, Outbox& outbox);

  void before(const void* state);
  void after(ByteView key, const void* state, const InputEvent& cause);
  void forget() { open_ = false; }

private:
  DefinitionPtr definition_;
  Outbox& outbox_;
  bool open_ = false;
  bool had_state_ = false;
  Bytes old_bytes_;
  Bytes new_bytes_;
  std::string old_text_;
};

}  // namespace stele::projections
