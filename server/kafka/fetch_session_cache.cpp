#include "server/kafka/fetch_session_cache.h"

#include <utility>

namespace stele::kafka {

std::shared_ptr<FetchSession> FetchSessionCache::find(std::int32_t id) const {
  const auto at = sessions_.find(id);
  return at == sessions_.end() ? nullptr : at->second.session;
}

/// Takes the session out of what is ordered by use and size.
void FetchSessionCache::put_aside(Kept& kept) {
  by_use_.erase({kept.session->last_used, kept.session->id});
  if (kept.evictable) evictable_by_size_.erase({kept.size, kept.session->id});
  partition_count_ -= kept.size;
}

void FetchSessionCache::count_in(Kept& kept) {
  kept.session->last_used = env_.now();
  kept.size = kept.session->size();
  kept.evictable = kept.session->last_used - kept.session->created > limits_.age_min;
  by_use_.emplace(kept.session->last_used, kept.session->id);
  if (kept.evictable) evictable_by_size_.emplace(kept.size, kept.session->id);
  partition_count_ += kept.size;
}

/// Evicts one session in favour of one of `size`; false if none has to give way.
bool FetchSessionCache::make_room(std::size_t size) {
  if (by_use_.empty()) return false;
  std::int32_t victim = 0;
  if (env_.now() - by_use_.begin()->first > limits_.age_min) {
    victim = by_use_.begin()->second;
  } else if (!evictable_by_size_.empty() && evictable_by_size_.begin()->first < size) {
    victim = evictable_by_size_.begin()->second;
  } else {
    return false;
  }
  remove(victim);
  ++eviction_count_;
  return true;
}

std::int32_t FetchSessionCache::free_id() {
  while (true) {
    const auto id = static_cast<std::int32_t>(env_.random() & 0x7fffffff);
    if (id != 0 && !sessions_.contains(id)) return id;
  }
}

bool FetchSessionCache::admit(const std::shared_ptr<FetchSession>& session) {
  const std::size_t size = session->size();
  if (size == 0 || size > limits_.partitions_max || limits_.sessions_max == 0) return false;
  while (sessions_.size() >= limits_.sessions_max ||
         partition_count_ + size > limits_.partitions_max) {
    if (!make_room(size)) return false;
  }
  session->id = free_id();
  session->epoch = 1;
  session->created = env_.now();
  count_in(sessions_.emplace(session->id, Kept{session}).first->second);
  return true;
}

bool FetchSessionCache::touch(FetchSession& session) {
  Kept& kept = sessions_.at(session.id);
  put_aside(kept);
  count_in(kept);
  while (partition_count_ > limits_.partitions_max) {
    if (make_room(session.size())) continue;
    remove(session.id);
    return false;
  }
  return true;
}

void FetchSessionCache::remove(std::int32_t id) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return;
  put_aside(at->second);
  at->second.session->id = 0;
  sessions_.erase(at);
}

}  // namespace stele::kafka
