// When a group has something to do by itself: sessions and rebalances that take too long. A member
// stands in deadlines_ once, at a time that is never too late; a heartbeat moves only its Watch,
// and the queue is put right when the old time comes up.
#include <utility>

#include "log/base/check.h"
#include "server/groups/consumer_group.h"

namespace stele::groups {

void ConsumerGroup::requeue(std::map<std::string, Watch, std::less<>>::iterator at) {
  Watch& watch = at->second;
  deadlines_.erase({watch.queued, at->first});
  watch.queued = watch.due();
  deadlines_.emplace(watch.queued, at->first);
}

void ConsumerGroup::extend_session(std::string_view member_id, Nanoseconds now) {
  auto at = watches_.find(member_id);
  if (at == watches_.end()) at = watches_.emplace(std::string(member_id), Watch{}).first;
  at->second.session = now + std::chrono::milliseconds(config_.session_timeout_ms);
  if (at->second.due() < at->second.queued) requeue(at);
}

void ConsumerGroup::watch_rebalance(std::string_view member_id, Nanoseconds due) {
  auto at = watches_.find(member_id);
  if (at == watches_.end()) {
    at = watches_.emplace(std::string(member_id), Watch{.session = Nanoseconds::max()}).first;
  }
  at->second.rebalance = due;
  if (at->second.due() < at->second.queued) requeue(at);
}

void ConsumerGroup::unwatch(std::string_view member_id) {
  const auto at = watches_.find(member_id);
  if (at == watches_.end()) return;
  deadlines_.erase({at->second.queued, at->first});
  watches_.erase(at);
}

std::optional<ConsumerGroup::Nanoseconds> ConsumerGroup::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void ConsumerGroup::expire(Nanoseconds now, Records& records) {
  std::set<std::string> late;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto at = watches_.find(deadlines_.begin()->second);
    STELE_CHECK(at != watches_.end());
    if (at->second.due() > now) {
      requeue(at);
      continue;
    }
    late.insert(at->first);
    deadlines_.erase(deadlines_.begin());
    at->second.queued = Nanoseconds::max();
  }
  if (!late.empty()) remove_members(late, records);
}

Result<void> ConsumerGroup::apply(const ConsumerRecordKey& key, std::optional<ByteView> value) {
  return state_.apply(key, value);
}

void ConsumerGroup::loaded(Nanoseconds now) {
  for (const auto& [member_id, member] : state_.members()) {
    extend_session(member_id, now);
    const bool must_give_up = member.progress.state == MemberState::kUnrevoked;
    if (!must_give_up || member.progress.epoch < kJoinEpoch) continue;
    watch_rebalance(member_id,
                    now + std::chrono::milliseconds(member.profile.rebalance_timeout_ms));
  }
}

}  // namespace stele::groups
