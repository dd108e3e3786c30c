#include "server/groups/classic_group.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::groups {

using kafka::ErrorCode;

namespace {

constexpr std::int16_t kKnownIdFrom = 4;  // of JoinGroup: KIP-394

bool differs(std::optional<std::string_view> asked, std::string_view known) {
  return asked && !known.empty() && *asked != known;
}

}  // namespace

kafka::JoinGroupResponse refused(std::string_view member_id, ErrorCode error) {
  kafka::JoinGroupResponse response;
  response.error_code = error;
  response.member_id = member_id;
  return response;
}

kafka::SyncGroupResponse refused_sync(ErrorCode error) {
  kafka::SyncGroupResponse response;
  response.error_code = error;
  return response;
}

std::string_view name(ClassicState state) {
  switch (state) {
    case ClassicState::kEmpty:
      return "Empty";
    case ClassicState::kPreparing:
      return "PreparingRebalance";
    case ClassicState::kCompleting:
      return "CompletingRebalance";
    case ClassicState::kStable:
      return "Stable";
  }
  return "Dead";
}

ClassicGroup::ClassicGroup(std::string id, ClassicHost& host, const GroupSettings& settings)
    : id_(std::move(id)), host_(host), settings_(settings), state_since_ms_(host.wall_ms()) {}

ClassicGroup::ClassicGroup(std::string id, const GroupMetadataValue& value, ClassicHost& host,
                           const GroupSettings& settings)
    : id_(std::move(id)),
      host_(host),
      settings_(settings),
      generation_(value.generation),
      protocol_type_(value.protocol_type),
      protocol_(value.protocol),
      state_since_ms_(value.current_state_timestamp) {
  for (const MemberMetadata& stored : value.members) {
    if (members_.find(stored.member_id) != nullptr) continue;
    ClassicMember member;
    member.id = stored.member_id;
    member.instance_id = stored.group_instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.session_timeout_ms = stored.session_timeout;
    member.rebalance_timeout_ms =
        stored.rebalance_timeout == -1 ? stored.session_timeout : stored.rebalance_timeout;
    member.protocols.push_back(
        {protocol_.value_or(""), Bytes(stored.subscription.begin(), stored.subscription.end())});
    member.assignment.assign(stored.assignment.begin(), stored.assignment.end());
    restart_session(members_.add(std::move(member)));
  }
  if (members_.empty()) return;
  state_ = ClassicState::kStable;
  if (value.leader && members_.find(*value.leader) != nullptr) {
    members_.set_leader(std::string(*value.leader));
  }
  compute_subscriptions();
}

// --- JoinGroup

void ClassicGroup::join(const JoinCall& call, JoinDone done) {
  const kafka::JoinGroupRequest& request = call.request;
  if (!accepts(request.member_id)) {
    if (!request.member_id.empty()) remove(request.member_id);
    return done(refused("", ErrorCode::kGroupMaxSizeReached));
  }
  std::vector<MemberProtocol> offered = protocols_of(request);
  if (!speaks(call, offered)) {
    return done(refused(request.member_id, ErrorCode::kInconsistentGroupProtocol));
  }
  if (request.member_id.empty()) return join_new(call, std::move(offered), std::move(done));
  join_known(call, std::move(offered), std::move(done));
}

/// While a rebalance goes on, those who have joined count, so that the first come stay.
bool ClassicGroup::accepts(std::string_view member_id) const {
  if (members_.pending().size() >= settings_.member_count_max && member_id.empty()) return false;
  if (state_ == ClassicState::kEmpty) return true;
  const ClassicMember* known = members_.find(member_id);
  if (state_ == ClassicState::kPreparing) {
    return (known != nullptr && known->join) ||
           members_.joined_count() < settings_.member_count_max;
  }
  return known != nullptr || members_.size() < settings_.member_count_max;
}

bool ClassicGroup::speaks(const JoinCall& call, const std::vector<MemberProtocol>& offered) const {
  if (members_.empty()) return !call.request.protocol_type.empty() && !offered.empty();
  return call.request.protocol_type == protocol_type_ && members_.speak_one_of(offered);
}

void ClassicGroup::join_new(const JoinCall& call, std::vector<MemberProtocol> offered,
                            JoinDone done) {
  const auto instance_id = call.request.group_instance_id;
  std::string id = host_.new_member_id(instance_id.value_or(call.client_id));
  if (instance_id) {
    if (ClassicMember* old = members_.find_static(*instance_id)) {
      return replace_static(*old, call, std::move(offered), std::move(done));
    }
  } else if (call.version >= kKnownIdFrom) {
    // It must come back with the id: a client that retries unheard would else join many times.
    const Time expires_at = host_.now() + in_ms(call.request.session_timeout_ms);
    members_.add_pending(id, expires_at);
    wake_by(expires_at);
    return done(refused(id, ErrorCode::kMemberIdRequired));
  }
  add_member(call, std::move(id), std::move(offered), std::move(done));
}

ErrorCode ClassicGroup::check_member(std::string_view id,
                                     std::optional<std::string_view> instance_id) {
  if (instance_id) {
    const ClassicMember* member = members_.find_static(*instance_id);
    if (member == nullptr) return ErrorCode::kUnknownMemberId;
    return member->id == id ? ErrorCode::kNone : ErrorCode::kFencedInstanceId;
  }
  return members_.find(id) == nullptr ? ErrorCode::kUnknownMemberId : ErrorCode::kNone;
}

void ClassicGroup::join_known(const JoinCall& call, std::vector<MemberProtocol> offered,
                              JoinDone done) {
  const kafka::JoinGroupRequest& request = call.request;
  if (members_.is_pending(request.member_id) && !request.group_instance_id) {
    return add_member(call, std::string(request.member_id), std::move(offered), std::move(done));
  }
  const ErrorCode error = check_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return done(refused(request.member_id, error));
  ClassicMember& member = *members_.find(request.member_id);
  const bool is_leader = member.id == members_.leader();
  const bool is_as_before = member.offers(offered);
  // It has missed the answer, or asks again without anything new: tell it what is.
  const bool may_stay =
      state_ == ClassicState::kCompleting || (state_ == ClassicState::kStable && !is_leader);
  if (may_stay && is_as_before) {
    const kafka::JoinGroupResponse response = joined(member);
    restart_session(member);
    if (JoinDone waiting = members_.stop_join(member)) waiting(response);
    return done(response);
  }
  update_member(member, call, std::move(offered), std::move(done));
  rebalance();
}

void ClassicGroup::add_member(const JoinCall& call, std::string id,
                              std::vector<MemberProtocol> offered, JoinDone done) {
  const kafka::JoinGroupRequest& request = call.request;
  ClassicMember member;
  member.id = std::move(id);
  member.instance_id = request.group_instance_id;
  member.client_id = call.client_id;
  member.client_host = call.client_host;
  member.session_timeout_ms = request.session_timeout_ms;
  member.rebalance_timeout_ms = request.rebalance_timeout_ms == -1 ? request.session_timeout_ms
                                                                   : request.rebalance_timeout_ms;
  member.protocols = std::move(offered);
  member.is_new = true;
  if (members_.empty()) protocol_type_ = request.protocol_type;
  ClassicMember& added = members_.add(std::move(member));
  members_.wait_in_join(added, std::move(done));
  // It cannot send heartbeats before it knows its id, and may be gone: wait for it, but not for
  // ever.
  added.expires_at = host_.now() + in_ms(settings_.new_member_join_ms);
  wake_by(added.expires_at);
  if (state_ == ClassicState::kPreparing && initial_) return extend_initial_delay();
  rebalance();
}

void ClassicGroup::update_member(ClassicMember& member, const JoinCall& call,
                                 std::vector<MemberProtocol> offered, JoinDone done) {
  const kafka::JoinGroupRequest& request = call.request;
  answer_join(member, refused(member.id, ErrorCode::kRebalanceInProgress));
  members_.set_protocols(member, std::move(offered));
  member.session_timeout_ms = request.session_timeout_ms;
  member.rebalance_timeout_ms = request.rebalance_timeout_ms == -1 ? request.session_timeout_ms
                                                                   : request.rebalance_timeout_ms;
  if (done) members_.wait_in_join(member, std::move(done));
}

/// A static member is back under a new id: the old one is fenced. No rebalance if the group is
/// stable and would still choose the same protocol.
void ClassicGroup::replace_static(ClassicMember& old, const JoinCall& call,
                                  std::vector<MemberProtocol> offered, JoinDone done) {
  StaticSwap swap{.number = ++last_swap_,
                  .version = call.version,
                  .leader = members_.leader(),
                  .old_id = old.id,
                  .new_id = host_.new_member_id(*call.request.group_instance_id),
                  .old_protocols = old.protocols,
                  .old_rebalance_timeout_ms = old.rebalance_timeout_ms,
                  .old_session_timeout_ms = old.session_timeout_ms};
  answer_join(old, refused(old.id, ErrorCode::kFencedInstanceId));
  answer_sync(old, ErrorCode::kFencedInstanceId);
  ClassicMember& member = members_.rename(swap.old_id, swap.new_id);
  update_member(member, call, std::move(offered), std::move(done));
  restart_session(member);
  if (state_ == ClassicState::kCompleting) return prepare();  // the leader assigns to the old id
  if (state_ == ClassicState::kPreparing) return complete_if_joined();
  if (protocol_ != members_.vote()) return rebalance();
  host_.store(
      *this, record(),
      {.kind = StoreTicket::Kind::kStaticMember, .generation = generation_, .swap = swap.number});
  swaps_.push_back(std::move(swap));
}

void ClassicGroup::finish_swap(const StaticSwap& swap, ErrorCode error) {
  ClassicMember* member = members_.find(swap.new_id);
  if (member == nullptr) return;  // it was answered when it went
  if (error != ErrorCode::kNone) {
    answer_join(*member, refused("", error));
    members_.set_protocols(*member, swap.old_protocols);
    member->rebalance_timeout_ms = swap.old_rebalance_timeout_ms;
    member->session_timeout_ms = swap.old_session_timeout_ms;
    answer_sync(*member, ErrorCode::kUnknownMemberId);
    restart_session(members_.rename(swap.new_id, swap.old_id));
    return;
  }
  if (state_ != ClassicState::kStable || !member->join) return;  // it takes part in a rebalance
  constexpr std::int16_t kSkipAssignmentFrom = 9;                // KIP-814
  kafka::JoinGroupResponse response = joined(*member);
  if (swap.version >= kSkipAssignmentFrom) {
    response.skip_assignment = members_.leader() == member->id;
  } else {
    // An older client that finds itself leader would assign anew: it is told of the one before.
    response.leader = swap.leader;
    response.members.clear();
  }
  answer_join(*member, response);
}

kafka::JoinGroupResponse ClassicGroup::joined(const ClassicMember& member) const {
  kafka::JoinGroupResponse response;
  response.generation_id = generation_;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_;
  response.leader = members_.leader();
  response.member_id = member.id;
  if (member.id != members_.leader()) return response;
  response.members.reserve(members_.size());
  for (const auto& [id, each] : members_.all()) {
    response.members.push_back({id, each.instance_id, each.metadata(protocol_.value_or(""))});
  }
  return response;
}

void ClassicGroup::answer_join(ClassicMember& member, const kafka::JoinGroupResponse& response) {
  if (JoinDone done = members_.stop_join(member)) done(response);
}

// --- SyncGroup

void ClassicGroup::sync(const kafka::SyncGroupRequest& request, SyncDone done) {
  ErrorCode error = empty() ? ErrorCode::kUnknownMemberId
                            : check_member(request.member_id, request.group_instance_id);
  if (error == ErrorCode::kNone && request.generation_id != generation_) {
    error = ErrorCode::kIllegalGeneration;
  }
  if (error == ErrorCode::kNone && (differs(request.protocol_type, protocol_type_) ||
                                    differs(request.protocol_name, protocol_.value_or("")))) {
    error = ErrorCode::kInconsistentGroupProtocol;
  }
  if (error == ErrorCode::kNone && state_ == ClassicState::kPreparing) {
    error = ErrorCode::kRebalanceInProgress;
  }
  if (error != ErrorCode::kNone) return done(refused_sync(error));
  ClassicMember& member = *members_.find(request.member_id);
  members_.synced(member.id);
  answer_sync(member, ErrorCode::kRebalanceInProgress);
  member.sync = std::move(done);
  if (state_ == ClassicState::kStable) return answer_sync(member, ErrorCode::kNone);
  if (member.id != members_.leader() || storing_) return;
  storing_.emplace();
  for (const kafka::SyncGroupRequestAssignment& given : request.assignments) {
    if (members_.find(given.member_id) == nullptr) continue;
    (*storing_)[std::string(given.member_id)].assign(given.assignment.begin(),
                                                     given.assignment.end());
  }
  host_.store(*this, record_with(&*storing_),
              {.kind = StoreTicket::Kind::kAssignment, .generation = generation_});
}

void ClassicGroup::finish_assignment(ErrorCode error) {
  Assignments assignments = *std::exchange(storing_, std::nullopt);
  if (error != ErrorCode::kNone) {
    answer_syncs(error);
    return rebalance();
  }
  for (auto& [id, member] : members_.all()) {
    const auto given = assignments.find(id);
    members_.set_assignment(member,
                            given == assignments.end() ? Bytes() : std::move(given->second));
  }
  become(ClassicState::kStable);
  answer_syncs(ErrorCode::kNone);
}

void ClassicGroup::answer_sync(ClassicMember& member, ErrorCode error) {
  if (!member.sync) return;
  SyncDone done = std::exchange(member.sync, SyncDone());
  restart_session(member);
  if (error != ErrorCode::kNone) return done(refused_sync(error));
  kafka::SyncGroupResponse response;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_;
  response.assignment = member.assignment;
  done(response);
}

void ClassicGroup::answer_syncs(ErrorCode error) {
  for (auto& [id, member] : members_.all()) answer_sync(member, error);
}

void ClassicGroup::on_stored(const StoreTicket& ticket, ErrorCode error) {
  if (ticket.kind == StoreTicket::Kind::kAssignment) {
    const bool is_awaited = state_ == ClassicState::kCompleting &&
                            ticket.generation == generation_ && storing_.has_value();
    if (is_awaited) finish_assignment(error);
  } else if (ticket.kind == StoreTicket::Kind::kStaticMember) {
    const auto swap = std::ranges::find(swaps_, ticket.swap, &StaticSwap::number);
    STELE_CHECK(swap != swaps_.end());
    const StaticSwap finished = std::move(*swap);
    swaps_.erase(swap);
    finish_swap(finished, error);
  }
}

// --- Heartbeat, LeaveGroup

ErrorCode ClassicGroup::heartbeat(const kafka::HeartbeatRequest& request) {
  if (empty()) return ErrorCode::kUnknownMemberId;
  const ErrorCode error = check_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return error;
  if (request.generation_id != generation_) return ErrorCode::kIllegalGeneration;
  restart_session(*members_.find(request.member_id));
  return state_ == ClassicState::kPreparing ? ErrorCode::kRebalanceInProgress : ErrorCode::kNone;
}

kafka::LeaveGroupResponse ClassicGroup::leave(const kafka::LeaveGroupRequest& request) {
  kafka::LeaveGroupResponse response;
  bool has_left = false;
  for (const kafka::LeaveGroupRequestMember& leaving : request.members) {
    leave_one(leaving, response.members.emplace_back());
    has_left |= response.members.back().error_code == ErrorCode::kNone;
  }
  if (has_left) rebalance_without({});
  return response;
}

void ClassicGroup::leave_one(const kafka::LeaveGroupRequestMember& leaving,
                             kafka::LeaveGroupResponseMember& answered) {
  answered.member_id = leaving.member_id;
  answered.group_instance_id = leaving.group_instance_id;
  if (leaving.member_id.empty()) {  // an administrator removes whoever has this instance id
    const ClassicMember* member =
        leaving.group_instance_id ? members_.find_static(*leaving.group_instance_id) : nullptr;
    if (member == nullptr) {
      answered.error_code = ErrorCode::kUnknownMemberId;
    } else {
      remove(std::string(member->id));
    }
    return;
  }
  if (members_.drop_pending(leaving.member_id)) return;
  answered.error_code = check_member(leaving.member_id, leaving.group_instance_id);
  if (answered.error_code == ErrorCode::kNone) remove(leaving.member_id);
}

void ClassicGroup::remove(std::string_view id) {
  if (members_.drop_pending(id) || members_.find(id) == nullptr) return;
  ClassicMember member = members_.take(id);
  if (member.join) member.join(refused(member.id, ErrorCode::kUnknownMemberId));
  if (member.sync) member.sync(refused_sync(ErrorCode::kUnknownMemberId));
}

void ClassicGroup::answer_all(ErrorCode error) {
  for (auto& [id, member] : members_.all()) {
    answer_join(member, refused(id, error));
    answer_sync(member, error);
  }
}

}  // namespace stele::groups
