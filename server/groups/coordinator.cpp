#include "server/groups/coordinator.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "server/core/log.h"

namespace stele::groups {

using kafka::ErrorCode;

namespace {

constexpr std::size_t kAssignmentsBytesMax = 4
                                             << 20;  // of one generation; its record is one append

/// Refused for good, or worth another try.
ErrorCode store_error(const Error& error) {
  const bool is_final = error.code == Code::kTooLarge || error.code == Code::kInvalid;
  return is_final ? ErrorCode::kUnknownServerError : ErrorCode::kCoordinatorNotAvailable;
}

}  // namespace

Coordinator::Coordinator(log::Store& store, Env& env, server::TimerQueue& timers,
                         GroupSettings settings)
    : store_(store),
      env_(env),
      timers_(timers),
      settings_(settings),
      topic_(store, env, timers, settings.offsets_topic_partitions),
      visible_topics_(store) {
  retention_timer_ =
      timers_.add(env_.now() + std::chrono::milliseconds(settings_.retention_check_ms),
                  [this] { check_retention(); });
}

Coordinator::~Coordinator() {
  timers_.cancel(retention_timer_);
  for (auto& [id, group] : groups_) timers_.cancel(group.timer);
}

void Coordinator::when_ready(Done done) {
  if (draining_) return done(fail(Code::kClosed, "the service is stopping"));
  topic_.make(std::move(done));
}

void Coordinator::drain() {
  draining_ = true;
  for (auto& [id, group] : groups_) {
    if (group.classic) group.classic->answer_all(ErrorCode::kCoordinatorNotAvailable);
  }
}

// --- groups

Coordinator::Group* Coordinator::find(std::string_view id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : &found->second;
}
const Coordinator::Group* Coordinator::find(std::string_view id) const {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : &found->second;
}
Coordinator::Group* Coordinator::find(const GroupRef& ref) {
  Group* group = find(ref.id);
  return group != nullptr && group->number == ref.number ? group : nullptr;
}

Coordinator::Group* Coordinator::make(std::string_view id) {
  if (groups_.size() >= settings_.group_count_max) return nullptr;
  Group& group = groups_[std::string(id)];
  group.id = id;
  group.number = ++last_number_;
  return &group;
}

void Coordinator::forget(Group& group) {
  STELE_CHECK(group.writing.empty());
  timers_.cancel(group.timer);
  memory_bytes_ -= group.counted_bytes;
  offset_count_ -= group.offsets.count();
  groups_.erase(groups_.find(group.id));
}

/// After whatever happened to the group: its memory is counted, its timer set. A group that never
/// was anything is forgotten, so do not touch it after this.
void Coordinator::settle(Group& group) {
  const std::size_t bytes = group.classic ? group.classic->members().bytes() : 0;
  memory_bytes_ = memory_bytes_ - group.counted_bytes + bytes;
  group.counted_bytes = bytes;
  const bool has_classic =
      group.classic && !(group.classic->unused() && group.classic->generation() == 0);
  if (!has_classic && !group.consumers && group.offsets.empty() && group.writing.empty()) {
    return forget(group);
  }
  if (group.classic) arm(group, group.classic->next_deadline());
  if (group.consumers) arm(group, group.consumers->next_deadline().value_or(kNeverDue));
}

void Coordinator::arm(Group& group, Time deadline) {
  if (deadline >= group.armed_for) return;
  timers_.cancel(group.timer);
  group.armed_for = deadline;
  group.timer = timers_.add(deadline, [this, which = ref(group)] { on_timer(which); });
}

void Coordinator::on_timer(const GroupRef& which) {
  Group* group = find(which);
  if (group == nullptr) return;
  group->armed_for = kNeverDue;
  if (group->classic) group->classic->expire();
  if (group->consumers && !group->is_ahead) {
    std::vector<GroupRecord> records;
    group->consumers->expire(env_.now(), records);
    append_consumers(*group, records);
  }
  settle(*group);
}

// --- writing

OffsetsTopic::Appended Coordinator::then(Group& group, OffsetsTopic::Appended done) {
  const std::uint64_t number = ++last_write_;
  group.writing.insert(number);
  return
      [this, number, which = ref(group), done = std::move(done)](Result<Offset> appended) mutable {
        done(std::move(appended));
        on_written(which, number);
      };
}

void Coordinator::append(Group& group, std::span<const GroupRecord> records,
                         OffsetsTopic::Appended done) {
  topic_.append(group.id, records, then(group, std::move(done)));
}

void Coordinator::report_refused(std::string_view group, const Error& error) {
  std::int64_t suppressed = 0;
  if (!refused_log_.allows(env_.now(), suppressed)) return;
  server::log_warn("group_record_refused group={} reason=\"{}\" suppressed={}", group, error.text(),
                   suppressed);
}

void Coordinator::on_written(const GroupRef& which, std::uint64_t number) {
  Group* group = find(which);
  STELE_CHECK(group != nullptr);  // a group with a write on its way stays
  group->writing.erase(number);
  while (group != nullptr && !group->after_writes.empty()) {
    const auto first = group->after_writes.begin();
    if (!group->writing.empty() && *group->writing.begin() <= first->first) break;
    auto action = std::move(first->second);
    group->after_writes.erase(first);
    action();
    group = find(which);
  }
  if (group == nullptr) return;
  if (group->is_ahead && group->writing.empty()) reload(*group);
  settle(*group);
}

void Coordinator::after_writes(Group& group, std::move_only_function<void()> action) {
  if (group.writing.empty()) return action();
  group.after_writes.emplace(*group.writing.rbegin(), std::move(action));
}

std::string Coordinator::new_member_id(std::string_view prefix) {
  const std::uint64_t high = env_.random();
  const std::uint64_t low = env_.random();
  return fmt::format("{}-{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", prefix, high >> 32,
                     (high >> 16) & 0xffff, high & 0xfff, 0x8000 | ((low >> 48) & 0x3fff),
                     low & 0xffff'ffff'ffff);
}

void Coordinator::store(ClassicGroup& classic, Result<GroupRecord> record, StoreTicket ticket) {
  Group& group = *find(classic.id());
  std::vector<GroupRecord> records;
  if (record) records.push_back(*std::move(record));
  append(group, records, [this, which = ref(group), ticket](const Result<Offset>& appended) {
    Group* written = find(which);
    if (!appended) report_refused(which.id, appended.error());
    if (!written->classic) return;
    written->classic->on_stored(ticket,
                                appended ? ErrorCode::kNone : store_error(appended.error()));
  });
}

// --- classic groups

ErrorCode Coordinator::check_join(const JoinCall& call) const {
  const kafka::JoinGroupRequest& request = call.request;
  if (request.group_id.empty()) return ErrorCode::kInvalidGroupId;
  if (request.session_timeout_ms < settings_.session_ms_min ||
      request.session_timeout_ms > settings_.session_ms_max) {
    return ErrorCode::kInvalidSessionTimeout;
  }
  if (!ready()) return ErrorCode::kCoordinatorNotAvailable;
  std::size_t bytes = 0;
  for (const kafka::JoinGroupRequestProtocol& protocol : request.protocols) {
    bytes += protocol.name.size() + protocol.metadata.size();
  }
  const bool fits =
      bytes <= settings_.member_bytes_max && memory_bytes_ + bytes <= settings_.memory_bytes_max;
  return fits ? ErrorCode::kNone : ErrorCode::kGroupMaxSizeReached;
}

void Coordinator::join(const JoinCall& call, JoinDone done) {
  const std::string_view member_id = call.request.member_id;
  if (const ErrorCode error = check_join(call); error != ErrorCode::kNone) {
    return done(refused(member_id, error));
  }
  Group* group = find(call.request.group_id);
  if (group == nullptr || !group->classic) {
    const bool is_taken = group != nullptr && group->consumers &&
                          (group->consumers->member_count() > 0 || group->is_ahead);
    if (is_taken) return done(refused(member_id, ErrorCode::kInconsistentGroupProtocol));
    if (!member_id.empty()) return done(refused(member_id, ErrorCode::kUnknownMemberId));
    if (group == nullptr) group = make(call.request.group_id);
    if (group == nullptr) return done(refused(member_id, ErrorCode::kGroupMaxSizeReached));
    if (group->consumers) drop_consumers(*group);
    group->classic = std::make_unique<ClassicGroup>(group->id, host(), settings_);
  }
  group->classic->join(call, std::move(done));
  settle(*group);
}

void Coordinator::sync(const kafka::SyncGroupRequest& request, SyncDone done) {
  if (request.group_id.empty()) return done(refused_sync(ErrorCode::kInvalidGroupId));
  if (!ready()) return done(refused_sync(ErrorCode::kCoordinatorNotAvailable));
  Group* group = find(request.group_id);
  if (group == nullptr || !group->classic) {
    return done(refused_sync(ErrorCode::kUnknownMemberId));
  }
  std::size_t bytes = 0;
  for (const kafka::SyncGroupRequestAssignment& given : request.assignments) {
    bytes += given.assignment.size();
  }
  if (bytes > kAssignmentsBytesMax || memory_bytes_ + bytes > settings_.memory_bytes_max) {
    return done(refused_sync(ErrorCode::kUnknownServerError));
  }
  group->classic->sync(request, std::move(done));
  settle(*group);
}

ErrorCode Coordinator::heartbeat(const kafka::HeartbeatRequest& request) {
  if (request.group_id.empty()) return ErrorCode::kInvalidGroupId;
  if (!ready()) return ErrorCode::kCoordinatorNotAvailable;
  Group* group = find(request.group_id);
  if (group == nullptr || !group->classic) return ErrorCode::kUnknownMemberId;
  const ErrorCode error = group->classic->heartbeat(request);
  arm(*group, group->classic->next_deadline());
  return error;
}

void Coordinator::leave(const kafka::LeaveGroupRequest& request, LeaveDone done) {
  kafka::LeaveGroupResponse response;
  if (request.group_id.empty()) response.error_code = ErrorCode::kInvalidGroupId;
  if (!ready()) response.error_code = ErrorCode::kCoordinatorNotAvailable;
  if (response.error_code != ErrorCode::kNone) return done(response);
  Group* group = find(request.group_id);
  if (group != nullptr && group->consumers)
    return leave_consumers(*group, request, std::move(done));
  if (group != nullptr && group->classic) {
    done(group->classic->leave(request));
    return settle(*group);
  }
  for (const kafka::LeaveGroupRequestMember& member : request.members) {
    kafka::LeaveGroupResponseMember& answered = response.members.emplace_back();
    answered.member_id = member.member_id;
    answered.group_instance_id = member.group_instance_id;
    answered.error_code = ErrorCode::kUnknownMemberId;
  }
  done(response);
}

}  // namespace stele::groups
