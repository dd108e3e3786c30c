// History: what clients asked of an event store at a time and were answered, and whether one order
// of the store explains all of it.
//
//   client 1   |--append--|      |---read---|
//   client 2       |----append refused----|          time is a counter that every call moves on
//
// The store's own order (positions, versions) is read back at the end; with it the check is exact:
//   - what was acknowledged stands where the answer said, once; nothing else is there; versions of
//   a
//     stream are dense;
//   - an append met its expectations and conditions where it stands; a refusal names a state that
//   the
//     stream had meanwhile, a conflict that is real and the first;
//   - a read is the stream as it was at one moment of the call;
//   - what was over before something began comes before it (linearizability).
// Thread: add() any thread, check() one, when all are done.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"

namespace stele::histories {

/// One call and its answer.
struct Call {
  std::int64_t began = 0;
  std::int64_t ended = 0;
  /// An append, and what came of it; none: a read.
  std::optional<log::EventAppend> append;
  std::optional<log::EventAppendResult> result;
  /// A read of a stream: its ids from version 0 on.
  std::string stream;
  std::vector<std::string> ids;
};

class History {
public:
  /// The next moment.
  std::int64_t now() { return ++clock_; }
  void add(Call call);
  [[nodiscard]] std::size_t size() const { return calls_.size(); }

  /// The first fault found, empty if there is none. `log`: everything in the topic, with versions.
  [[nodiscard]] std::string check(const std::vector<log::RecordedEvent>& log) const;

private:
  std::atomic<std::int64_t> clock_ = 0;
  std::mutex mutex_;
  std::vector<Call> calls_;
};

}  // namespace stele::histories
