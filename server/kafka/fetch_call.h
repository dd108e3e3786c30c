// One fetch on its way: looks at what is due in its session, reads it, and says in one answer what
// its client does not know yet.
//
//   session   due: C ─ A ─ F …       looked at in this order, until the answer is full
//   targets        0   1   2         what is read for them
//   answer         C   –   F         of a session that goes on: only what has changed; whoever got
//                                    records goes to the back, so that nobody starves
//
// Thread: the loop's.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "server/core/timer_queue.h"
#include "server/kafka/fetch_read.h"
#include "server/kafka/fetch_session.h"
#include "server/kafka/fetch_session_cache.h"
#include "server/kafka/request.h"

namespace stele::kafka {

struct FetchCall {
  enum class Kind : std::uint8_t {
    kSessionless,  ///< one answer, in full
    kFirst,        ///< one answer in full, then a session
    kIncremental,
  };

  Request request;
  FetchRead read;
  std::shared_ptr<FetchSession> session;
  Kind kind = Kind::kSessionless;
  std::size_t min_bytes = 0;
  std::chrono::nanoseconds deadline{0};

  std::vector<FetchSlot> slots{};  ///< of each target
  std::vector<FetchSlot> moved{};  ///< to be looked at again
  std::chrono::nanoseconds waiting_since{0};
  server::TimerQueue::Id timer{};
  bool woken = false;
  bool expired = false;
  bool refused = false;  ///< a later request of the session is here

  [[nodiscard]] bool is_enough() const { return read.must_answer() || read.bytes() >= min_bytes; }
  /// Reads everything that is due, as far as there is room.
  void look(const log::Store& store);
  /// Reads on in what has moved. False: the buffer pool is full, try again.
  bool look_again(const log::Store& store);
  /// Answers; the session, if it goes on, is kept in `cache`.
  void finish(FetchSessionCache& cache, std::chrono::nanoseconds now);

private:
  void look_at(const log::Store& store, FetchSlot slot);
  std::size_t add_target(const log::Store& store, FetchSlot slot);
  [[nodiscard]] bool must_tell(std::size_t target) const;
  [[nodiscard]] FetchResponse response() const;
  bool charge_bytes(std::chrono::nanoseconds now);
  void settle();
  void let_go_of_targets();
};

/// An answer that says an error, or nothing at all.
[[nodiscard]] FetchResponse bare_fetch_response(ErrorCode error, std::int32_t session_id);

}  // namespace stele::kafka
