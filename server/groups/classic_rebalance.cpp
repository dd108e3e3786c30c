// The other half of ClassicGroup: from one generation to the next, and what time does to it.
#include <algorithm>

#include "server/groups/classic_group.h"

namespace stele::groups {

using kafka::ErrorCode;

void ClassicGroup::become(ClassicState state) {
  state_ = state;
  state_since_ms_ = host_.wall_ms();
}

/// Members or what they want have changed.
void ClassicGroup::rebalance() {
  if (state_ == ClassicState::kPreparing) return complete_if_joined();
  prepare();
}

void ClassicGroup::rebalance_without(const std::vector<std::string>& gone) {
  for (const std::string& id : gone) remove(id);
  if (!empty()) rebalance();
}

void ClassicGroup::prepare() {
  const bool is_first = empty();
  if (state_ == ClassicState::kCompleting) {
    storing_.reset();
    for (auto& [id, member] : members_.all()) members_.set_assignment(member, {});
    answer_syncs(ErrorCode::kRebalanceInProgress);
  }
  sync_deadline_ = kNeverDue;
  host_.count_rebalance();
  become(ClassicState::kPreparing);
  initial_ = is_first;
  if (!is_first) return complete_or_wait();
  // The first of many: a rebalance for each of them would be a waste.
  initial_until_ = host_.now() + in_ms(members_.rebalance_timeout_ms());
  extend_initial_delay();
}

/// From the last arrival on. (Kafka waits in whole steps of the delay, which is up to twice as
/// long.)
void ClassicGroup::extend_initial_delay() {
  join_deadline_ = std::min(host_.now() + in_ms(settings_.initial_delay_ms), initial_until_);
  wake_by(join_deadline_);
}

void ClassicGroup::complete_if_joined() {
  if (state_ == ClassicState::kPreparing && !initial_ && members_.all_joined()) complete_join();
}

void ClassicGroup::complete_or_wait() {
  if (members_.all_joined()) return complete_join();
  set_join_deadline(members_.rebalance_timeout_ms());
}

void ClassicGroup::complete_join() {
  join_deadline_ = kNeverDue;
  std::vector<std::string> gone;
  for (const auto& [id, member] : members_.all()) {
    if (!member.join && !member.instance_id) gone.push_back(id);
  }
  for (const std::string& id : gone) remove(id);
  if (!members_.empty() && !members_.elect_joined_leader()) {
    // Only static members that are away: their sessions decide.
    return set_join_deadline(members_.rebalance_timeout_ms());
  }
  start_generation();
}

void ClassicGroup::start_generation() {
  ++generation_;
  initial_ = false;
  storing_.reset();
  members_.forget_syncs();
  if (members_.empty()) {
    protocol_.reset();
    become(ClassicState::kEmpty);
    compute_subscriptions();
    return store_state();
  }
  protocol_ = members_.vote();
  become(ClassicState::kCompleting);
  compute_subscriptions();
  members_.await_syncs();
  sync_deadline_ = host_.now() + in_ms(members_.rebalance_timeout_ms());
  wake_by(sync_deadline_);
  for (auto& [id, member] : members_.all()) {
    restart_session(member);
    member.is_new = false;
    answer_join(member, joined(member));
  }
}

void ClassicGroup::compute_subscriptions() {
  subscribed_.clear();
  if (protocol_type_ != "consumer" || !protocol_) return;
  for (const auto& [id, member] : members_.all()) {
    const auto topics = subscribed_topics(member.metadata(*protocol_));
    if (!topics) return subscribed_.clear();  // not the consumer protocol: nothing is known
    for (const std::string_view topic : *topics) {
      if (!subscribed_.contains(topic)) subscribed_.emplace(topic);
    }
  }
}

// --- the record

Result<GroupRecord> ClassicGroup::record_with(const Assignments* assignments) const {
  GroupMetadataValue value;
  value.protocol_type = protocol_type_;
  value.generation = generation_;
  value.protocol = protocol_;
  if (!members_.leader().empty()) value.leader = members_.leader();
  value.current_state_timestamp = state_since_ms_;
  value.members.reserve(members_.size());
  for (const auto& [id, member] : members_.all()) {
    ByteView assignment = member.assignment;
    if (assignments != nullptr) {
      const auto given = assignments->find(id);
      assignment = given == assignments->end() ? ByteView() : ByteView(given->second);
    }
    value.members.push_back({.member_id = id,
                             .group_instance_id = member.instance_id,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .rebalance_timeout = member.rebalance_timeout_ms,
                             .session_timeout = member.session_timeout_ms,
                             .subscription = member.metadata(protocol_.value_or("")),
                             .assignment = assignment});
  }
  return group_record(id_, value);
}

Result<GroupRecord> ClassicGroup::record() const {
  return record_with(nullptr);
}

void ClassicGroup::store_state() {
  host_.store(*this, record(), {.kind = StoreTicket::Kind::kState, .generation = generation_});
}

// --- time

Time ClassicGroup::in_ms(std::int64_t ms) const {
  return std::chrono::milliseconds(std::max<std::int64_t>(ms, 0));
}

void ClassicGroup::restart_session(ClassicMember& member) {
  member.expires_at = host_.now() + in_ms(member.session_timeout_ms);
  wake_by(member.expires_at);
}

void ClassicGroup::set_join_deadline(std::int64_t ms) {
  join_deadline_ = host_.now() + in_ms(ms);
  wake_by(join_deadline_);
}

void ClassicGroup::expire() {
  const Time now = host_.now();
  if (join_deadline_ <= now) complete_join();
  if (sync_deadline_ <= now) expire_syncs();
  expire_members();
  find_wake_time();
}

/// Who has not come for its assignment in time is out.
void ClassicGroup::expire_syncs() {
  sync_deadline_ = kNeverDue;
  const std::vector<std::string> gone(members_.unsynced().begin(), members_.unsynced().end());
  if (!gone.empty()) rebalance_without(gone);
}

void ClassicGroup::expire_members() {
  const Time now = host_.now();
  std::vector<std::string> given_up;
  for (const auto& [id, expires_at] : members_.pending()) {
    if (expires_at <= now) given_up.push_back(id);
  }
  for (const std::string& id : given_up) members_.drop_pending(id);
  std::vector<std::string> gone;
  for (auto& [id, member] : members_.all()) {
    if (member.expires_at > now) continue;
    if (member.waits() && !member.is_new) {
      member.expires_at = kNeverDue;  // it waits for us; its session restarts with the answer
    } else {
      gone.push_back(id);
    }
  }
  if (!gone.empty()) return rebalance_without(gone);
  if (!given_up.empty()) complete_if_joined();
}

void ClassicGroup::find_wake_time() {
  wake_at_ = std::min(join_deadline_, sync_deadline_);
  for (const auto& [id, expires_at] : members_.pending()) wake_by(expires_at);
  for (const auto& [id, member] : members_.all()) wake_by(member.expires_at);
}

// --- offsets, description

ErrorCode ClassicGroup::check_commit(const kafka::OffsetCommitRequest& request) {
  const std::int32_t generation = request.generation_id_or_member_epoch;
  if (generation < 0 && empty()) return ErrorCode::kNone;
  const bool is_members =
      generation >= 0 || !request.member_id.empty() || request.group_instance_id.has_value();
  if (!is_members) return ErrorCode::kUnknownMemberId;
  const ErrorCode error = check_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return error;
  if (generation != generation_) return ErrorCode::kIllegalGeneration;
  if (state_ == ClassicState::kCompleting) return ErrorCode::kRebalanceInProgress;
  restart_session(*members_.find(request.member_id));
  return ErrorCode::kNone;
}

bool ClassicGroup::subscribes_to(std::string_view topic) const {
  return subscribed_.contains(topic);
}

kafka::DescribedGroup ClassicGroup::describe() const {
  kafka::DescribedGroup described;
  described.group_id = id_;
  described.group_state = name(state_);
  described.protocol_type = protocol_type_;
  const bool is_stable = state_ == ClassicState::kStable;
  if (is_stable) described.protocol_data = protocol_.value_or("");
  for (const auto& [id, member] : members_.all()) {
    kafka::DescribedGroupMember& each = described.members.emplace_back();
    each.member_id = id;
    each.group_instance_id = member.instance_id;
    each.client_id = member.client_id;
    each.client_host = member.client_host;
    if (!is_stable) continue;
    each.member_metadata = member.metadata(described.protocol_data);
    each.member_assignment = member.assignment;
  }
  return described;
}

}  // namespace stele::groups
