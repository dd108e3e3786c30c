// The members of one classic group, and what is counted over them so that no event walks them all:
// who is a member, who has only been given an id, which protocols everybody speaks, who has joined.
//
// Invariants: a static instance id names exactly one member; a protocol's count is how many members
// offer it; joined_count() is how many wait in JoinGroup; bytes() is what the members' metadata and
// assignments take. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "server/kafka/wire/groups.h"

namespace stele::groups {

using Time = std::chrono::nanoseconds;  ///< of the steady clock
inline constexpr Time kNeverDue = Time::max();

using JoinDone = std::move_only_function<void(const kafka::JoinGroupResponse&)>;
using SyncDone = std::move_only_function<void(const kafka::SyncGroupResponse&)>;

struct MemberProtocol {
  std::string name;
  Bytes metadata;  ///< opaque
  friend bool operator==(const MemberProtocol&, const MemberProtocol&) = default;
};
/// Each name once: of a name given twice, the first counts.
[[nodiscard]] std::vector<MemberProtocol> protocols_of(const kafka::JoinGroupRequest& request);

struct ClassicMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::vector<MemberProtocol> protocols;  ///< in the order of its preference
  Bytes assignment;
  JoinDone join;        ///< set: it waits in JoinGroup
  SyncDone sync;        ///< set: it waits in SyncGroup
  bool is_new = false;  ///< does not know its id yet
  Time expires_at = kNeverDue;

  [[nodiscard]] bool waits() const { return join != nullptr || sync != nullptr; }
  /// Of `protocol`; empty if it does not offer it.
  [[nodiscard]] ByteView metadata(std::string_view protocol) const;
  [[nodiscard]] bool offers(const std::vector<MemberProtocol>& offered) const {
    return protocols == offered;
  }
};

class ClassicMembers {
public:
  using Map = std::map<std::string, ClassicMember, std::less<>>;

  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] Map& all() { return members_; }
  [[nodiscard]] const Map& all() const { return members_; }
  [[nodiscard]] ClassicMember* find(std::string_view id);
  [[nodiscard]] const ClassicMember* find(std::string_view id) const;
  /// The member with this instance id.
  [[nodiscard]] ClassicMember* find_static(std::string_view instance_id);
  [[nodiscard]] const std::string& leader() const { return leader_; }  ///< empty: none
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// The first becomes the leader. `member` does not wait yet.
  ClassicMember& add(ClassicMember member);
  /// Another takes the lead if it was the leader. The member, for whoever still has to answer it.
  ClassicMember take(std::string_view id);
  /// The same member under another id, and leader if it was.
  ClassicMember& rename(std::string_view id, std::string new_id);
  void set_protocols(ClassicMember& member, std::vector<MemberProtocol> protocols);
  void set_assignment(ClassicMember& member, Bytes assignment);
  void set_leader(std::string id) { leader_ = std::move(id); }
  /// If the leader has not rejoined, one that has takes the lead. False if nobody has.
  bool elect_joined_leader();

  // --- JoinGroup ---
  void wait_in_join(ClassicMember& member, JoinDone done);
  /// What waited; empty if it did not wait.
  [[nodiscard]] JoinDone stop_join(ClassicMember& member);
  [[nodiscard]] std::size_t joined_count() const { return joined_count_; }

  // --- given an id, not yet back with it (KIP-394) ---
  void add_pending(std::string id, Time expires_at) { pending_[std::move(id)] = expires_at; }
  [[nodiscard]] bool is_pending(std::string_view id) const { return pending_.contains(id); }
  bool drop_pending(std::string_view id);
  [[nodiscard]] const std::map<std::string, Time, std::less<>>& pending() const { return pending_; }
  [[nodiscard]] bool all_joined() const {
    return joined_count_ == members_.size() && pending_.empty();
  }

  // --- in this generation, not yet in SyncGroup ---
  void await_syncs();
  void synced(std::string_view id) { unsynced_.erase(std::string(id)); }
  void forget_syncs() { unsynced_.clear(); }
  [[nodiscard]] const std::set<std::string>& unsynced() const { return unsynced_; }

  // --- protocols ---
  /// Whether some protocol of `offered` is spoken by everybody.
  [[nodiscard]] bool speak_one_of(const std::vector<MemberProtocol>& offered) const;
  /// By vote: each member for its first protocol that all speak. At least one member.
  [[nodiscard]] std::string vote() const;
  [[nodiscard]] std::int32_t rebalance_timeout_ms() const;  ///< the longest

private:
  void count_protocols(const ClassicMember& member, int by);

  Map members_;
  std::map<std::string, std::string, std::less<>> static_ids_;
  std::map<std::string, Time, std::less<>> pending_;
  std::set<std::string> unsynced_;
  std::map<std::string, std::size_t, std::less<>> protocol_counts_;
  std::string leader_;
  std::size_t joined_count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace stele::groups
