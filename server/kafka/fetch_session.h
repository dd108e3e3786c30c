// The partitions of a fetch and what its client was told of them: kept from request to request in
// a session (KIP-227), or for the one answer of a fetch without a session.
//
//   partitions   [A][B][C][D]…    by slot, which stays the same while the partition is in
//   due           C ─ A           to be looked at, in the order of service
//   idle          B, D            asked for at their end, which the client knows: nobody looks at
//                                 them until the index says that they have moved
//
// So a fetch costs what has moved, not what its session holds. Invariant: a partition that is not
// due is awaited in the index. A session belongs to no connection; whoever has its id goes on.
// Thread: the loop's. Lifetime: shared by the cache and the call under way; the index outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "log/base/ordinal.h"
#include "log/base/partition_id.h"
#include "server/kafka/fetch_index.h"
#include "server/kafka/wire/fetch.h"

namespace stele::kafka {

struct FetchCall;

class FetchSession {
public:
  static constexpr FetchSlot kNone = ~FetchSlot{0};

  /// As its client says it: by name, or from Fetch v13 on by id.
  struct Topic {
    std::string name;
    Uuid id;
    std::uint32_t partition_count = 0;
  };
  struct Partition {
    TopicPartition id;  ///< topic zero: there is no such topic
    std::uint32_t topic = 0;
    std::int32_t expected_epoch = -1;
    std::int32_t bytes_max = 0;
    std::uint32_t target = kNone;  ///< in the call under way
    Offset asked;
    std::int64_t told_end = -1;
    std::int64_t told_log_start = -1;
    FetchSlot before = kNone;
    FetchSlot after = kNone;
    bool present = false;
    bool due = false;
    bool awaited = false;
  };

  FetchSession(FetchIndex& index, bool by_ids, std::uint64_t seed)
      : index_(index), by_ids_(by_ids), seed_(seed) {}
  FetchSession(const FetchSession&) = delete;
  FetchSession& operator=(const FetchSession&) = delete;
  ~FetchSession();

  /// Adds the partition or changes what is asked of it; it is due in either case. `resolved` is
  /// the topic's id, zero if there is no such topic.
  void put(const FetchRequestTopic& topic, const Uuid& resolved,
           const FetchRequestPartition& asked);
  void forget(const FetchForgottenTopic& topic);

  [[nodiscard]] bool by_ids() const { return by_ids_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Slots are below it; some may be free.
  [[nodiscard]] FetchSlot slot_end() const { return static_cast<FetchSlot>(partitions_.size()); }
  [[nodiscard]] const Partition& at(FetchSlot slot) const { return partitions_[slot]; }
  [[nodiscard]] const Topic& topic_of(FetchSlot slot) const {
    return topics_[partitions_[slot].topic];
  }

  [[nodiscard]] FetchSlot first_due() const { return first_due_; }
  void make_due(FetchSlot slot);  ///< the last to be served
  void move_to_back(FetchSlot slot);
  /// Not looked at until it moves.
  void make_idle(FetchSlot slot);
  /// From now on the index tells when the partition moves, once.
  void await(FetchSlot slot);
  /// The index has told, and knows the place no longer.
  void moved(FetchSlot slot);

  /// The topic of that name is another one now.
  void set_topic_id(FetchSlot slot, const Uuid& topic_id);
  void set_target(FetchSlot slot, std::uint32_t target) { partitions_[slot].target = target; }
  void tell(FetchSlot slot, std::int64_t end, std::int64_t log_start);

  std::int32_t id = 0;     ///< 0: not in the cache
  std::int32_t epoch = 0;  ///< that the next request must have
  std::chrono::nanoseconds created{0};
  std::chrono::nanoseconds last_used{0};
  FetchCall* waiting = nullptr;  ///< the call that waits for its partitions
  FetchSlot check_at = 0;        ///< where the rolling look at idle partitions goes on

private:
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(std::uint64_t key) const noexcept;
  };
  using Topics = std::unordered_map<std::string, std::uint32_t>;

  [[nodiscard]] std::string_view key_of(const Topic& topic) const;
  [[nodiscard]] std::uint32_t find_topic(std::string_view name, const Uuid& topic_id) const;
  std::uint32_t add_topic(std::string_view name, const Uuid& topic_id);
  [[nodiscard]] FetchSlot find(std::uint32_t topic, std::int32_t partition) const;
  FetchSlot add(std::uint32_t topic, std::int32_t partition);
  void remove(FetchSlot slot);
  void unlink(FetchSlot slot);
  void stop_awaiting(FetchSlot slot);

  FetchIndex& index_;
  bool by_ids_;
  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::vector<Partition> partitions_;
  std::vector<FetchSlot> free_slots_;
  std::vector<Topic> topics_;
  std::vector<std::uint32_t> free_topics_;
  FetchSlot first_due_ = kNone;
  FetchSlot last_due_ = kNone;
  std::uint32_t last_topic_ = kNone;  ///< found last: requests name partitions topic by topic
  // Made when there is too much to walk through: most fetches name a few partitions.
  Topics topic_index_;
  std::unordered_map<std::uint64_t, FetchSlot, KeyHash> slot_index_{0, KeyHash{seed_}};
};

/// What follows an epoch; never 0, which would start a session anew.
[[nodiscard]] constexpr std::int32_t next_session_epoch(std::int32_t epoch) {
  return epoch == INT32_MAX ? 1 : epoch + 1;
}

}  // namespace stele::kafka
