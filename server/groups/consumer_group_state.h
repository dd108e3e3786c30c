// What a group of KIP-848 is: a fold of its records, and nothing that is not in them.
//
//   group epoch ──► assignment epoch, a target for each member ──► each member's epoch and state
//   (who wants      (what the assignor gave; written when the      (what it holds, gives up or
//    what)           group epoch is higher)                         waits for on the way there)
//
// ConsumerGroup decides, writes a record and applies it here; loading applies the same records read
// from the log. So the state after a restart is the state before it.
//
// Invariants: member, target and partition lists rise and hold nothing twice; owner_of() names who
// holds a partition or has not confirmed giving it up.
// Thread: the loop's.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "log/base/partition_id.h"
#include "server/groups/consumer_group_records.h"

namespace stele::groups {

/// What a member wants. Members that want the same share one.
struct Subscription {
  std::vector<std::string> topic_names;  ///< rising
  std::string regex;                     ///< empty: none

  friend auto operator<=>(const Subscription&, const Subscription&) = default;
};

struct HeldPartition {
  TopicPartition place;
  std::int32_t epoch =
      0;  ///< the member epoch that it was given in; commits of an older one are stale

  friend auto operator<=>(const HeldPartition&, const HeldPartition&) = default;
};
using HeldPartitions = std::vector<HeldPartition>;     ///< rising by place
using TargetPartitions = std::vector<TopicPartition>;  ///< rising

/// Kafka's numbers.
enum class MemberState : std::int8_t {
  kStable = 0,      ///< holds its target of its epoch
  kUnrevoked = 1,   ///< has been told to give partitions up and has not confirmed it
  kUnreleased = 2,  ///< waits for partitions that others have not given up
  kUnknown = 127,   ///< of a later version
};

struct MemberProfile {
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> server_assignor;

  friend bool operator==(const MemberProfile&, const MemberProfile&) = default;
};

inline constexpr std::int32_t kJoinEpoch = 0;
inline constexpr std::int32_t kLeaveEpoch = -1;
inline constexpr std::int32_t kStaticLeaveEpoch = -2;

/// Where a member is on the way to its target.
struct MemberProgress {
  std::int32_t epoch = kJoinEpoch;
  std::int32_t previous_epoch = -1;  ///< accepted once more: the answer may have been lost
  MemberState state = MemberState::kStable;
  HeldPartitions assigned;
  HeldPartitions revoking;

  friend bool operator==(const MemberProgress&, const MemberProgress&) = default;
};

struct ConsumerMember {
  MemberProfile profile;
  const Subscription* subscription = nullptr;  ///< of ConsumerGroupState::subscriptions()
  MemberProgress progress;

  [[nodiscard]] bool is_reconciled_to(std::int32_t epoch) const {
    return progress.state == MemberState::kStable && progress.epoch == epoch;
  }
  friend bool operator==(const ConsumerMember& a, const ConsumerMember& b) {
    return a.profile == b.profile && *a.subscription == *b.subscription && a.progress == b.progress;
  }
};

struct ResolvedRegex {
  std::vector<std::string> topics;  ///< rising
  std::int64_t version = 0;
  std::int64_t timestamp = 0;

  friend bool operator==(const ResolvedRegex&, const ResolvedRegex&) = default;
};

class ConsumerGroupState {
public:
  using Members = std::map<std::string, ConsumerMember, std::less<>>;
  using Targets = std::map<std::string, TargetPartitions, std::less<>>;
  using Regexes = std::map<std::string, ResolvedRegex, std::less<>>;
  using Subscriptions = std::map<Subscription, std::int32_t>;  ///< and how many members have it

  ConsumerGroupState() = default;
  ConsumerGroupState(const ConsumerGroupState&) = delete;  // members point into it
  ConsumerGroupState& operator=(const ConsumerGroupState&) = delete;

  /// A record of the log. kInvalid, kUnsupported: it is damaged or of a later version; the state is
  /// as before.
  Result<void> apply(const ConsumerRecordKey& key, std::optional<ByteView> value);

  void apply(std::string_view, const ConsumerGroupMetadataValue& value);
  void apply(std::string_view member_id, const ConsumerGroupMemberValue& value);
  void apply(std::string_view, const ConsumerGroupTargetEpochValue& value);
  void apply(std::string_view member_id, const ConsumerGroupTargetMemberValue& value);
  void apply(std::string_view member_id, const ConsumerGroupCurrentMemberValue& value);
  void apply(std::string_view regex, const ConsumerGroupRegexValue& value);
  /// A tombstone.
  void erase(ConsumerRecordKind kind, std::string_view name);

  [[nodiscard]] std::int32_t group_epoch() const { return group_epoch_; }
  [[nodiscard]] std::int64_t metadata_hash() const { return metadata_hash_; }
  [[nodiscard]] std::int32_t assignment_epoch() const { return assignment_epoch_; }
  [[nodiscard]] std::int64_t assignment_timestamp() const { return assignment_timestamp_; }
  [[nodiscard]] const Members& members() const { return members_; }
  [[nodiscard]] const Targets& targets() const { return targets_; }
  [[nodiscard]] const Regexes& regexes() const { return regexes_; }
  [[nodiscard]] const Subscriptions& subscriptions() const { return subscriptions_; }
  /// Nothing is recorded, or a tombstone has taken the group away.
  [[nodiscard]] bool is_blank() const { return blank_; }

  [[nodiscard]] const ConsumerMember* find(std::string_view member_id) const;
  /// Id of the member with this instance id; null if there is none.
  [[nodiscard]] const std::string* find_static(std::string_view instance_id) const;
  /// Empty if the member has none.
  [[nodiscard]] const TargetPartitions& target(std::string_view member_id) const;
  /// Empty if nobody holds it.
  [[nodiscard]] std::string_view owner_of(const TopicPartition& place) const;
  [[nodiscard]] bool has_subscribers(std::string_view regex) const;

  friend bool operator==(const ConsumerGroupState& a, const ConsumerGroupState& b);

private:
  using MemberEntry = Members::value_type;

  MemberEntry& member_entry(std::string_view member_id);
  const Subscription* share(Subscription subscription);
  void unshare(const Subscription* subscription);
  void forget_instance(const MemberEntry& entry);
  void set_progress(MemberEntry& entry, MemberProgress progress);
  void claim(std::string_view member_id, const HeldPartitions& places);
  void release(std::string_view member_id, const HeldPartitions& places);
  void erase_member(std::string_view member_id);

  std::int32_t group_epoch_ = 1;
  std::int64_t metadata_hash_ = 0;
  std::int32_t assignment_epoch_ = 1;
  std::int64_t assignment_timestamp_ = 0;
  bool blank_ = true;
  Subscriptions subscriptions_;
  Members members_;
  Targets targets_;
  Regexes regexes_;
  std::map<std::string, std::string, std::less<>> static_members_;  ///< instance id → member id
  std::unordered_map<TopicPartition, std::string_view> owners_;     ///< views keys of members_
};

}  // namespace stele::groups
