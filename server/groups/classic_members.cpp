#include "server/groups/classic_members.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::groups {

namespace {

std::size_t bytes_of(const std::vector<MemberProtocol>& protocols) {
  std::size_t bytes = 0;
  for (const MemberProtocol& protocol : protocols) {
    bytes += protocol.name.size() + protocol.metadata.size();
  }
  return bytes;
}

}  // namespace

ByteView ClassicMember::metadata(std::string_view protocol) const {
  const auto found = std::ranges::find(protocols, protocol, &MemberProtocol::name);
  return found == protocols.end() ? ByteView() : ByteView(found->metadata);
}

std::vector<MemberProtocol> protocols_of(const kafka::JoinGroupRequest& request) {
  std::vector<MemberProtocol> protocols;
  std::set<std::string_view> names;
  for (const kafka::JoinGroupRequestProtocol& offered : request.protocols) {
    if (!names.insert(offered.name).second) continue;
    protocols.push_back(
        {std::string(offered.name), Bytes(offered.metadata.begin(), offered.metadata.end())});
  }
  return protocols;
}

ClassicMember* ClassicMembers::find(std::string_view id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}
const ClassicMember* ClassicMembers::find(std::string_view id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}
ClassicMember* ClassicMembers::find_static(std::string_view instance_id) {
  const auto found = static_ids_.find(instance_id);
  return found == static_ids_.end() ? nullptr : find(found->second);
}

void ClassicMembers::count_protocols(const ClassicMember& member, int by) {
  for (const MemberProtocol& protocol : member.protocols) {
    std::size_t& count = protocol_counts_[protocol.name];
    count = by > 0 ? count + 1 : count - 1;
    if (count == 0) protocol_counts_.erase(protocol.name);
  }
}

ClassicMember& ClassicMembers::add(ClassicMember member) {
  STELE_CHECK(!member.waits());
  if (leader_.empty()) leader_ = member.id;
  if (member.instance_id) static_ids_[*member.instance_id] = member.id;
  pending_.erase(member.id);
  count_protocols(member, 1);
  bytes_ += bytes_of(member.protocols) + member.assignment.size();
  std::string id = member.id;
  const auto [at, is_new] = members_.emplace(std::move(id), std::move(member));
  STELE_CHECK(is_new);
  return at->second;
}

ClassicMember ClassicMembers::take(std::string_view id) {
  const auto at = members_.find(id);
  STELE_CHECK(at != members_.end());
  ClassicMember member = std::move(at->second);
  members_.erase(at);
  count_protocols(member, -1);
  bytes_ -= bytes_of(member.protocols) + member.assignment.size();
  if (member.join) --joined_count_;
  if (member.instance_id) static_ids_.erase(*member.instance_id);
  unsynced_.erase(member.id);
  if (leader_ == member.id) leader_ = members_.empty() ? std::string() : members_.begin()->first;
  return member;
}

ClassicMember& ClassicMembers::rename(std::string_view id, std::string new_id) {
  auto node = members_.extract(members_.find(id));
  STELE_CHECK(!node.empty() && !node.mapped().waits());
  ClassicMember& member = node.mapped();
  if (leader_ == member.id) leader_ = new_id;
  unsynced_.erase(member.id);
  member.id = new_id;
  if (member.instance_id) static_ids_[*member.instance_id] = new_id;
  node.key() = std::move(new_id);
  return members_.insert(std::move(node)).position->second;
}

void ClassicMembers::set_protocols(ClassicMember& member, std::vector<MemberProtocol> protocols) {
  count_protocols(member, -1);
  bytes_ -= bytes_of(member.protocols);
  member.protocols = std::move(protocols);
  bytes_ += bytes_of(member.protocols);
  count_protocols(member, 1);
}

void ClassicMembers::set_assignment(ClassicMember& member, Bytes assignment) {
  bytes_ -= member.assignment.size();
  member.assignment = std::move(assignment);
  bytes_ += member.assignment.size();
}

bool ClassicMembers::elect_joined_leader() {
  const ClassicMember* leader = find(leader_);
  if (leader != nullptr && leader->join) return true;
  const auto joined = std::ranges::find_if(
      members_, [](const auto& entry) { return entry.second.join != nullptr; });
  if (joined == members_.end()) return false;
  leader_ = joined->first;
  return true;
}

void ClassicMembers::wait_in_join(ClassicMember& member, JoinDone done) {
  STELE_CHECK(!member.join);
  member.join = std::move(done);
  ++joined_count_;
}

JoinDone ClassicMembers::stop_join(ClassicMember& member) {
  if (!member.join) return {};
  --joined_count_;
  return std::exchange(member.join, JoinDone());
}

bool ClassicMembers::drop_pending(std::string_view id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return false;
  pending_.erase(found);
  return true;
}

void ClassicMembers::await_syncs() {
  unsynced_.clear();
  for (const auto& [id, member] : members_) unsynced_.insert(id);
}

bool ClassicMembers::speak_one_of(const std::vector<MemberProtocol>& offered) const {
  return std::ranges::any_of(offered, [this](const MemberProtocol& protocol) {
    const auto count = protocol_counts_.find(protocol.name);
    return count != protocol_counts_.end() && count->second == members_.size();
  });
}

std::string ClassicMembers::vote() const {
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const MemberProtocol& protocol : member.protocols) {
      const auto count = protocol_counts_.find(protocol.name);
      if (count->second != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  STELE_CHECK(!votes.empty());  // a member joins only if all share a protocol with it
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& entry) { return entry.second; });
  return std::string(most->first);
}

std::int32_t ClassicMembers::rebalance_timeout_ms() const {
  std::int32_t longest = 0;
  for (const auto& [id, member] : members_) {
    longest = std::max(longest, member.rebalance_timeout_ms);
  }
  return longest;
}

}  // namespace stele::groups
