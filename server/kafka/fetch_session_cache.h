// Fetch sessions between their requests (KIP-227): by id, limited in number and in partitions.
//
// A new session takes the place of one that nobody has used for `age_min`, else of a smaller one
// that is older than that; else it is not kept, which costs its client a full request each time.
// Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "log/env/env.h"
#include "server/kafka/fetch_session.h"

namespace stele::kafka {

class FetchSessionCache {
public:
  struct Limits {
    std::size_t sessions_max = 1000;
    std::size_t partitions_max = 200'000;  ///< of all sessions together
    std::chrono::nanoseconds age_min = std::chrono::minutes(2);
  };

  FetchSessionCache(Env& env, Limits limits) : env_(env), limits_(limits) {}

  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<FetchSession> find(std::int32_t id) const;
  /// Gives the session an id and its first epoch. False: there is no room, it stays without.
  bool admit(const std::shared_ptr<FetchSession>& session);
  /// It is used and may have another size. False: it is too large now and was removed.
  bool touch(FetchSession& session);
  /// Fine if it is not there. Whoever still holds the session may go on with it.
  void remove(std::int32_t id);

  [[nodiscard]] std::size_t count() const { return sessions_.size(); }
  [[nodiscard]] std::size_t partition_count() const { return partition_count_; }
  [[nodiscard]] std::int64_t eviction_count() const { return eviction_count_; }

private:
  struct Kept {
    std::shared_ptr<FetchSession> session;
    std::size_t size = 0;  ///< as counted
    bool evictable = false;
  };
  bool make_room(std::size_t size);
  void put_aside(Kept& kept);
  void count_in(Kept& kept);
  [[nodiscard]] std::int32_t free_id();

  Env& env_;
  const Limits limits_;
  std::unordered_map<std::int32_t, Kept> sessions_;
  std::set<std::pair<std::chrono::nanoseconds, std::int32_t>> by_use_;
  std::set<std::pair<std::size_t, std::int32_t>> evictable_by_size_;
  std::size_t partition_count_ = 0;
  std::int64_t eviction_count_ = 0;
};

}  // namespace stele::kafka
