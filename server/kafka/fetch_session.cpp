#include "server/kafka/fetch_session.h"

#include <utility>

#include "log/base/check.h"

namespace stele::kafka {

namespace {

constexpr std::size_t kWalkMax = 32;  // beyond it an index is made

std::uint64_t slot_key(std::uint32_t topic, std::int32_t partition) {
  return std::uint64_t{topic} << 32 | static_cast<std::uint32_t>(partition);
}

}  // namespace

/// Seeded, so that a client cannot choose partitions that collide.
std::size_t FetchSession::KeyHash::operator()(std::uint64_t key) const noexcept {
  std::uint64_t mixed = (key ^ seed) * 0x9e3779b97f4a7c15ULL;
  mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ULL;
  return mixed ^ mixed >> 32;
}

FetchSession::~FetchSession() {
  for (FetchSlot slot = 0; slot < slot_end(); ++slot) {
    if (partitions_[slot].present) stop_awaiting(slot);
  }
}

std::string_view FetchSession::key_of(const Topic& topic) const {
  if (!by_ids_) return topic.name;
  return {reinterpret_cast<const char*>(topic.id.bytes.data()), topic.id.bytes.size()};
}

std::uint32_t FetchSession::find_topic(std::string_view name, const Uuid& topic_id) const {
  const auto is_it = [&](std::uint32_t at) {
    const Topic& topic = topics_[at];
    return topic.partition_count > 0 && (by_ids_ ? topic.id == topic_id : topic.name == name);
  };
  if (last_topic_ != kNone && is_it(last_topic_)) return last_topic_;
  if (!topic_index_.empty()) {
    const Topic asked{by_ids_ ? std::string() : std::string(name), topic_id};
    const auto at = topic_index_.find(std::string(key_of(asked)));
    return at == topic_index_.end() ? kNone : at->second;
  }
  for (std::uint32_t at = 0; at < topics_.size(); ++at) {
    if (is_it(at)) return at;
  }
  return kNone;
}

std::uint32_t FetchSession::add_topic(std::string_view name, const Uuid& topic_id) {
  std::uint32_t at = 0;
  if (free_topics_.empty()) {
    at = static_cast<std::uint32_t>(topics_.size());
    topics_.emplace_back();
  } else {
    at = free_topics_.back();
    free_topics_.pop_back();
  }
  topics_[at] = {by_ids_ ? std::string() : std::string(name), topic_id};
  if (!topic_index_.empty()) {
    topic_index_.emplace(key_of(topics_[at]), at);
  } else if (topics_.size() > kWalkMax) {
    for (std::uint32_t each = 0; each < topics_.size(); ++each) {
      if (topics_[each].partition_count > 0 || each == at) {
        topic_index_.emplace(key_of(topics_[each]), each);
      }
    }
  }
  return at;
}

FetchSlot FetchSession::find(std::uint32_t topic, std::int32_t partition) const {
  if (!slot_index_.empty()) {
    const auto at = slot_index_.find(slot_key(topic, partition));
    return at == slot_index_.end() ? kNone : at->second;
  }
  for (FetchSlot slot = 0; slot < slot_end(); ++slot) {
    const Partition& entry = partitions_[slot];
    if (entry.present && entry.topic == topic && entry.id.partition == partition) return slot;
  }
  return kNone;
}

FetchSlot FetchSession::add(std::uint32_t topic, std::int32_t partition) {
  FetchSlot slot = 0;
  if (free_slots_.empty()) {
    slot = slot_end();
    partitions_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Partition& entry = partitions_[slot] = {};
  entry.id.partition = partition;
  entry.topic = topic;
  entry.present = true;
  ++topics_[topic].partition_count;
  ++size_;
  if (!slot_index_.empty()) {
    slot_index_.emplace(slot_key(topic, partition), slot);
  } else if (partitions_.size() > kWalkMax) {
    for (FetchSlot each = 0; each < slot_end(); ++each) {
      const Partition& other = partitions_[each];
      if (other.present) slot_index_.emplace(slot_key(other.topic, other.id.partition), each);
    }
  }
  return slot;
}

void FetchSession::put(const FetchRequestTopic& topic, const Uuid& resolved,
                       const FetchRequestPartition& asked) {
  std::uint32_t in = find_topic(topic.name, topic.topic_id);
  if (in == kNone) in = add_topic(topic.name, topic.topic_id);
  last_topic_ = in;
  FetchSlot slot = find(in, asked.partition);
  if (slot == kNone) slot = add(in, asked.partition);
  if (partitions_[slot].id.topic != resolved) set_topic_id(slot, resolved);
  Partition& entry = partitions_[slot];
  entry.expected_epoch = asked.current_leader_epoch;
  entry.bytes_max = asked.partition_max_bytes;
  entry.asked = Offset(asked.fetch_offset);
  make_due(slot);
}

void FetchSession::forget(const FetchForgottenTopic& topic) {
  for (const std::int32_t partition : topic.partitions) {
    const std::uint32_t in = find_topic(topic.name, topic.topic_id);
    if (in == kNone) return;
    if (const FetchSlot slot = find(in, partition); slot != kNone) remove(slot);
  }
}

void FetchSession::remove(FetchSlot slot) {
  stop_awaiting(slot);
  unlink(slot);
  Partition& entry = partitions_[slot];
  if (!slot_index_.empty()) slot_index_.erase(slot_key(entry.topic, entry.id.partition));
  Topic& topic = topics_[entry.topic];
  if (--topic.partition_count == 0) {
    if (!topic_index_.empty()) topic_index_.erase(std::string(key_of(topic)));
    topic.name.clear();
    free_topics_.push_back(entry.topic);
  }
  entry.present = false;
  free_slots_.push_back(slot);
  --size_;
}

void FetchSession::unlink(FetchSlot slot) {
  Partition& entry = partitions_[slot];
  if (!std::exchange(entry.due, false)) return;
  (entry.before == kNone ? first_due_ : partitions_[entry.before].after) = entry.after;
  (entry.after == kNone ? last_due_ : partitions_[entry.after].before) = entry.before;
  entry.before = entry.after = kNone;
}

void FetchSession::make_due(FetchSlot slot) {
  Partition& entry = partitions_[slot];
  if (std::exchange(entry.due, true)) return;
  entry.before = last_due_;
  (last_due_ == kNone ? first_due_ : partitions_[last_due_].after) = slot;
  last_due_ = slot;
}

void FetchSession::move_to_back(FetchSlot slot) {
  unlink(slot);
  make_due(slot);
}

void FetchSession::make_idle(FetchSlot slot) {
  await(slot);
  unlink(slot);
}

void FetchSession::await(FetchSlot slot) {
  Partition& entry = partitions_[slot];
  if (entry.awaited) return;
  index_.add(entry.id, {this, slot});
  entry.awaited = true;
}

void FetchSession::stop_awaiting(FetchSlot slot) {
  Partition& entry = partitions_[slot];
  if (std::exchange(entry.awaited, false)) index_.remove(entry.id, {this, slot});
}

void FetchSession::moved(FetchSlot slot) {
  STELE_CHECK(partitions_[slot].awaited);
  partitions_[slot].awaited = false;
  make_due(slot);
}

void FetchSession::set_topic_id(FetchSlot slot, const Uuid& topic_id) {
  stop_awaiting(slot);
  Partition& entry = partitions_[slot];
  entry.id.topic = topic_id;
  entry.told_end = entry.told_log_start = -1;
}

void FetchSession::tell(FetchSlot slot, std::int64_t end, std::int64_t log_start) {
  partitions_[slot].told_end = end;
  partitions_[slot].told_log_start = log_start;
}

}  // namespace stele::kafka
