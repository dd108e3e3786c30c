// One group of the classic protocol (KIP-62, 345, 394, 559, 814): who is a member, which
// generation it is, who gets which assignment. What members say to each other is opaque.
//
//             join                     all have joined, or time is up
//   Empty ───────────► PreparingRebalance ───────────────► CompletingRebalance
//     ▲                   ▲  nobody left: back to Empty            │ the leader's SyncGroup,
//     └───────────────────┤                                        │ once its record is durable
//                         └───── join, leave, expiry ── Stable ◄───┘
//
// Invariants: the generation never goes back; a generation has one leader, and all its members get
// exactly what the leader assigned; a waiting JoinGroup or SyncGroup is answered exactly once (a
// second one of the same member answers the first with REBALANCE_IN_PROGRESS); an assignment is
// given out only when its record is durable.
//
// Answers are given through callbacks, inside the call or later; a callback must not call the
// group. Time comes in through the host. Deadlines are lazy: a heartbeat only moves its member's,
// and the group asks to be woken at the least it knows of (next_deadline). Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/groups/classic_members.h"
#include "server/groups/group_records.h"
#include "server/groups/group_settings.h"
#include "server/kafka/wire/group_admin.h"
#include "server/kafka/wire/group_offsets.h"

namespace stele::groups {

enum class ClassicState : std::uint8_t { kEmpty, kPreparing, kCompleting, kStable };

/// Answers that say nothing but why not.
[[nodiscard]] kafka::JoinGroupResponse refused(std::string_view member_id, kafka::ErrorCode error);
[[nodiscard]] kafka::SyncGroupResponse refused_sync(kafka::ErrorCode error);

/// Kafka's name: "PreparingRebalance".
[[nodiscard]] std::string_view name(ClassicState state);

class ClassicGroup;

/// What a record was for; comes back with on_stored().
struct StoreTicket {
  enum class Kind : std::uint8_t { kState, kAssignment, kStaticMember } kind = Kind::kState;
  std::int32_t generation = 0;
  std::uint64_t swap = 0;  ///< of kStaticMember
};

/// What a group needs of whoever owns it.
class ClassicHost {
public:
  ClassicHost() = default;
  ClassicHost(const ClassicHost&) = delete;
  ClassicHost& operator=(const ClassicHost&) = delete;
  virtual ~ClassicHost() = default;
  [[nodiscard]] virtual Time now() = 0;
  [[nodiscard]] virtual std::int64_t wall_ms() = 0;
  /// `prefix`-uuid, never given before.
  [[nodiscard]] virtual std::string new_member_id(std::string_view prefix) = 0;
  /// Writes the group's record; on_stored() follows, never inside this call.
  virtual void store(ClassicGroup& group, Result<GroupRecord> record, StoreTicket ticket) = 0;
  virtual void count_rebalance() = 0;
};

struct JoinCall {
  const kafka::JoinGroupRequest& request;
  std::int16_t version = 0;
  std::string_view client_id;
  std::string_view client_host;
};

class ClassicGroup {
public:
  /// Empty, generation 0. Host and settings outlive it.
  ClassicGroup(std::string id, ClassicHost& host, const GroupSettings& settings);
  /// As its last record says; members' session timers start now.
  ClassicGroup(std::string id, const GroupMetadataValue& value, ClassicHost& host,
               const GroupSettings& settings);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] ClassicState state() const { return state_; }
  [[nodiscard]] bool empty() const { return state_ == ClassicState::kEmpty; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] const std::string& protocol_type() const { return protocol_type_; }
  [[nodiscard]] const ClassicMembers& members() const { return members_; }
  /// Nobody is in it or about to be: it may be forgotten.
  [[nodiscard]] bool unused() const { return empty() && members_.pending().empty(); }

  // --- the protocol ---
  void join(const JoinCall& call, JoinDone done);
  void sync(const kafka::SyncGroupRequest& request, SyncDone done);
  [[nodiscard]] kafka::ErrorCode heartbeat(const kafka::HeartbeatRequest& request);
  /// `request.members`, each answered in its place.
  [[nodiscard]] kafka::LeaveGroupResponse leave(const kafka::LeaveGroupRequest& request);
  /// The record of `ticket` is durable, or was refused: then whoever waits for it is told `error`.
  void on_stored(const StoreTicket& ticket, kafka::ErrorCode error);
  /// Answers everybody who waits: the coordinator goes.
  void answer_all(kafka::ErrorCode error);

  // --- time ---
  [[nodiscard]] Time next_deadline() const { return wake_at_; }
  void expire();

  // --- offsets ---
  /// Whether this commit may be; its member's session is extended.
  [[nodiscard]] kafka::ErrorCode check_commit(const kafka::OffsetCommitRequest& request);
  /// Whether offsets of this topic must stay: a member is subscribed to it.
  [[nodiscard]] bool subscribes_to(std::string_view topic) const;
  /// Milliseconds since 1970 of the last change of state; -1: not known.
  [[nodiscard]] std::int64_t state_since_ms() const { return state_since_ms_; }

  /// Views the group's bytes.
  [[nodiscard]] kafka::DescribedGroup describe() const;
  /// The record that says what the group is now.
  [[nodiscard]] Result<GroupRecord> record() const;

private:
  struct StaticSwap {
    std::uint64_t number;
    std::int16_t version;
    std::string leader;  ///< before the swap
    std::string old_id;
    std::string new_id;
    std::vector<MemberProtocol> old_protocols;
    std::int32_t old_rebalance_timeout_ms;
    std::int32_t old_session_timeout_ms;
  };
  using Assignments = std::map<std::string, Bytes, std::less<>>;

  [[nodiscard]] kafka::ErrorCode check_member(std::string_view id,
                                              std::optional<std::string_view> instance_id);
  [[nodiscard]] bool accepts(std::string_view member_id) const;
  [[nodiscard]] bool speaks(const JoinCall& call, const std::vector<MemberProtocol>& offered) const;
  void join_new(const JoinCall& call, std::vector<MemberProtocol> offered, JoinDone done);
  void join_known(const JoinCall& call, std::vector<MemberProtocol> offered, JoinDone done);
  void add_member(const JoinCall& call, std::string id, std::vector<MemberProtocol> offered,
                  JoinDone done);
  void update_member(ClassicMember& member, const JoinCall& call,
                     std::vector<MemberProtocol> offered, JoinDone done);
  void replace_static(ClassicMember& old, const JoinCall& call, std::vector<MemberProtocol> offered,
                      JoinDone done);
  [[nodiscard]] kafka::JoinGroupResponse joined(const ClassicMember& member) const;
  void answer_join(ClassicMember& member, const kafka::JoinGroupResponse& response);
  void answer_sync(ClassicMember& member, kafka::ErrorCode error);
  void answer_syncs(kafka::ErrorCode error);
  void remove(std::string_view id);
  void leave_one(const kafka::LeaveGroupRequestMember& leaving,
                 kafka::LeaveGroupResponseMember& answered);

  void rebalance();
  void prepare();
  void rebalance_without(const std::vector<std::string>& gone);
  void complete_if_joined();
  void complete_or_wait();
  void complete_join();
  void start_generation();
  void become(ClassicState state);
  void extend_initial_delay();
  void finish_assignment(kafka::ErrorCode error);
  void finish_swap(const StaticSwap& swap, kafka::ErrorCode error);
  [[nodiscard]] Result<GroupRecord> record_with(const Assignments* assignments) const;
  void store_state();

  void wake_by(Time when) { wake_at_ = std::min(wake_at_, when); }
  [[nodiscard]] Time in_ms(std::int64_t ms) const;
  void restart_session(ClassicMember& member);
  void set_join_deadline(std::int64_t ms);
  void expire_members();
  void expire_syncs();
  void find_wake_time();
  void compute_subscriptions();

  std::string id_;
  ClassicHost& host_;
  const GroupSettings& settings_;
  ClassicState state_ = ClassicState::kEmpty;
  bool initial_ = false;  ///< preparing after Empty: waits for more, not for all
  std::int32_t generation_ = 0;
  std::string protocol_type_;  ///< empty: only offsets are kept under this id
  std::optional<std::string> protocol_;
  ClassicMembers members_;
  std::int64_t state_since_ms_ = -1;
  Time initial_until_{0};  ///< the initial delay is not extended past it
  Time join_deadline_ = kNeverDue;
  Time sync_deadline_ = kNeverDue;
  Time wake_at_ = kNeverDue;
  std::optional<Assignments> storing_;  ///< given by the leader, not durable yet
  std::vector<StaticSwap> swaps_;       ///< not durable yet
  std::uint64_t last_swap_ = 0;
  std::set<std::string, std::less<>> subscribed_;
};

}  // namespace stele::groups
