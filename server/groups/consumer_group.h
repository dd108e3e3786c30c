// A consumer group of KIP-848, in which the service assigns: who is a member, who is to have which
// partition, and how each gets there. A state machine without time, sockets or files of its own:
//
//   heartbeat ─┐
//   expire    ─┼─► decides ─► records (appended to the caller's list) ─► ConsumerGroupState
//   topics    ─┘                                                            ▲
//                 records of the log ─► apply ──────────────────────────────┘
//
// The caller makes the records durable before it sends the answer; if that fails, it drops this
// object and loads the group again. What isn't in records (deadlines, whether topics have changed)
// starts anew after a restart: sessions are given their whole timeout again.
//
// Invariants: a partition is told to one member at a time; epochs never fall; every change of state
// has its record. Where Kafka 4.3 resolves regular expressions in the background, this does it on
// the spot. Thread: the loop's. `topics` outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/partition_id.h"
#include "server/groups/assignor.h"
#include "server/groups/consumer_group_reconcile.h"
#include "server/groups/consumer_group_state.h"
#include "server/groups/topic_pattern.h"
#include "server/kafka/wire/consumer_groups.h"
#include "server/kafka/wire/groups.h"

namespace stele::groups {

/// The topics that consumers can see, as they are now.
class GroupTopics {
public:
  virtual ~GroupTopics() = default;
  [[nodiscard]] virtual std::optional<AssignableTopic> find(std::string_view name) const = 0;
  /// nullopt: it is gone.
  [[nodiscard]] virtual std::optional<std::string> name_of(const Uuid& id) const = 0;
  virtual void each_name(const std::function<void(std::string_view)>& visit) const = 0;
};

/// Under Kafka's names; those that begin with "consumer." can be set for one group.
struct ConsumerGroupConfig {
  std::int32_t session_timeout_ms = 45'000;     ///< (group.)consumer.session.timeout.ms
  std::int32_t heartbeat_interval_ms = 5'000;   ///< (group.)consumer.heartbeat.interval.ms
  std::int32_t assignment_interval_ms = 1'000;  ///< (group.)consumer.assignment.interval.ms
  std::int32_t member_count_max = std::numeric_limits<std::int32_t>::max();
  ///< group.consumer.max.size
  /// Ours: what a member is told instead of the heartbeat interval while it waits for partitions or
  /// for the next assignment, so that a rebalance isn't as slow as heartbeats are rare. 0: never.
  std::int32_t waiting_interval_ms = 500;
};

struct GroupClock {
  std::chrono::nanoseconds steady{0};  ///< Env::now()
  std::int64_t wall_ms = 0;            ///< since 1970
};

struct HeartbeatContext {
  std::int16_t version = 1;
  std::string_view client_id;
  std::string_view client_host;  ///< as Kafka writes it: "/127.0.0.1"
  GroupClock now;
  Uuid fresh_id;  ///< becomes the id of a member that comes without one (v0 only)
};

/// Null if the request is in order, else the answer: INVALID_REQUEST, UNSUPPORTED_ASSIGNOR,
/// INVALID_REGULAR_EXPRESSION. Needs no group.
[[nodiscard]] std::optional<kafka::ConsumerGroupHeartbeatResponse> refuse_heartbeat(
    const kafka::ConsumerGroupHeartbeatRequest& request, std::int16_t version);

class ConsumerGroup {
public:
  using Request = kafka::ConsumerGroupHeartbeatRequest;
  using Response = kafka::ConsumerGroupHeartbeatResponse;
  using Records = std::vector<GroupRecord>;
  using Nanoseconds = std::chrono::nanoseconds;

  ConsumerGroup(std::string group_id, const GroupTopics& topics, ConsumerGroupConfig config);

  // --- loading ---

  /// A record of the log, its kind one of is_consumer_record(). Errors of
  /// ConsumerGroupState::apply.
  Result<void> apply(const ConsumerRecordKey& key, std::optional<ByteView> value);
  /// After the last of them: members have their whole session timeout from now.
  void loaded(Nanoseconds now);

  // --- driving ---

  /// Joins, leaves, follows. An error answer leaves state and records untouched: those of
  /// refuse_heartbeat, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, UNRELEASED_INSTANCE_ID,
  /// FENCED_INSTANCE_ID, GROUP_MAX_SIZE_REACHED. A group that is_blank() after it can be dropped.
  Response heartbeat(const Request& request, const HeartbeatContext& context, Records& records);
  /// Takes members out as an administrator does, by member id or instance id; for each NONE,
  /// UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID.
  kafka::LeaveGroupResponse remove(const kafka::LeaveGroupRequest& request, Records& records);
  /// Takes out members whose session is over or who hold on to partitions for longer than their
  /// rebalance timeout.
  void expire(Nanoseconds now, Records& records);
  /// When expire() may have something to do; never later than it has.
  [[nodiscard]] std::optional<Nanoseconds> next_deadline() const;
  /// These topics were created, deleted or have grown. Seen at the next heartbeat.
  void topics_changed(std::span<const std::string_view> names);
  void set_config(const ConsumerGroupConfig& config) { config_ = config; }
  /// Tombstones for all there is. Only while kEmpty.
  void erase(Records& records);

  // --- asking ---

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const ConsumerGroupState& state() const { return state_; }
  /// Nothing of it is recorded.
  [[nodiscard]] bool is_blank() const { return state_.is_blank(); }
  [[nodiscard]] std::size_t member_count() const { return state_.members().size(); }
  /// Kafka's words: Empty, Assigning, Reconciling, Stable.
  [[nodiscard]] std::string_view phase() const;
  [[nodiscard]] kafka::DescribedConsumerGroup describe() const;
  [[nodiscard]] bool subscribes_to(std::string_view topic_name) const;

  /// May the member commit for these partitions? kNone; UNKNOWN_MEMBER_ID; STALE_MEMBER_EPOCH: it
  /// is of the past for one of them; UNSUPPORTED_VERSION below OffsetCommit v9. An older epoch will
  /// do for what it has held since (KIP-1251).
  [[nodiscard]] kafka::ErrorCode check_commit(std::string_view member_id, std::int32_t epoch,
                                              std::int16_t version,
                                              std::span<const TopicPartition> places) const;
  /// May it ask for offsets? kNone, UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH. No member id and a
  /// negative epoch: an administrator.
  [[nodiscard]] kafka::ErrorCode check_fetch(std::optional<std::string_view> member_id,
                                             std::int32_t epoch) const;

private:
  struct Refusal {
    kafka::ErrorCode code;
    std::string message;
  };
  struct Admission {
    std::string member_id;
    const std::string* replaces = nullptr;  ///< the static member that it takes over from
  };
  struct Change {
    bool names = false;
    bool regex = false;
    [[nodiscard]] bool any() const { return names || regex; }
  };
  struct Watch {
    Nanoseconds session{0};
    Nanoseconds rebalance = Nanoseconds::max();
    Nanoseconds queued = Nanoseconds::max();  ///< its place in deadlines_
    [[nodiscard]] Nanoseconds due() const { return std::min(session, rebalance); }
  };

  // consumer_group.cpp: heartbeats
  [[nodiscard]] std::expected<Admission, Refusal> admit(const Request& request,
                                                        const HeartbeatContext& context) const;
  [[nodiscard]] std::expected<Admission, Refusal> admit_static(const Request& request,
                                                               Admission admission) const;
  [[nodiscard]] std::optional<Refusal> check_epoch(const ConsumerMember& member,
                                                   const Request& request) const;
  Response follow(const Request& request, const HeartbeatContext& context,
                  const Admission& admission, Records& records);
  Response leave(const Request& request, Records& records);
  void replace_static(const std::string& old_id, const std::string& new_id, Records& records);
  Change update_member(const Request& request, const HeartbeatContext& context,
                       const std::string& member_id, Records& records);
  bool reconcile_member(const Request& request, const std::string& member_id, Change change,
                        Nanoseconds now, Records& records);
  [[nodiscard]] std::int32_t interval_for(const ConsumerMember& member, GroupClock now) const;
  [[nodiscard]] std::expected<std::string, kafka::ErrorCode> find_leaver(
      const kafka::LeaveGroupRequestMember& leaver) const;
  void remove_members(const std::set<std::string>& ids, Records& records);

  // consumer_group_deadlines.cpp
  void extend_session(std::string_view member_id, Nanoseconds now);
  void watch_rebalance(std::string_view member_id, Nanoseconds due);
  void requeue(std::map<std::string, Watch, std::less<>>::iterator at);
  void unwatch(std::string_view member_id);

  // consumer_group_target.cpp: what is subscribed to, and who is to have it
  void follow_topics(bool changed, GroupClock now, Records& records);
  bool refresh_regexes(GroupClock now, Records& records);
  bool refresh_regex(const std::string& regex, GroupClock now, Records& records);
  [[nodiscard]] const TopicPattern* pattern(const std::string& regex);
  void forget_unused_regex(const std::string& regex, Records& records);
  void bump_group_epoch(Records& records);
  [[nodiscard]] std::set<std::string_view> subscribed_names() const;
  [[nodiscard]] std::int64_t metadata_hash() const;
  [[nodiscard]] std::vector<AssignableTopic> wanted_topics(const Subscription& subscription) const;
  [[nodiscard]] bool may_assign(std::int64_t wall_ms) const;
  void update_target(GroupClock now, Records& records);
  [[nodiscard]] Assignor preferred_assignor() const;

  /// Decides: the record for the log, and the state that follows from it.
  template <class Value>
  void put(ConsumerRecordKind kind, std::string_view name, const Value& value, Records& records);
  void put_progress(std::string_view member_id, const MemberProgress& progress, Records& records);
  void put_target(std::string_view member_id, const TargetPartitions& target, Records& records);
  void put_tombstone(ConsumerRecordKind kind, std::string_view name, Records& records);

  std::string id_;
  const GroupTopics& topics_;
  ConsumerGroupConfig config_;
  ConsumerGroupState state_;

  bool stale_ = true;          ///< topics may have changed since the hash was taken
  bool regexes_stale_ = true;  ///< all names are to be matched again, not only changed_topics_
  std::set<std::string, std::less<>> changed_topics_;
  std::map<std::string, std::optional<TopicPattern>, std::less<>> patterns_;  ///< compiled once
  std::map<std::string, Watch, std::less<>> watches_;                         ///< by member id
  std::set<std::pair<Nanoseconds, std::string_view>> deadlines_;  ///< views keys of watches_
};

}  // namespace stele::groups
