#include "log/streams/stream_table.h"

#include <mutex>

#include "log/base/fail.h"

namespace stele::log {

template <class Value>
const Value* StreamTable::find(const ByStream<Value>& in, const Uuid& topic, std::string_view key) {
  const auto streams = in.find(topic);
  if (streams == in.end()) return nullptr;
  const auto found = streams->second.find(key);
  return found == streams->second.end() ? nullptr : &found->second;
}

std::string StreamTable::key_of(ByteView key) const {
  if (key.size() <= kTermBytesMax) return std::string(as_text(key));
  return std::string(as_text(hasher_.term_bytes(key)));
}

// The core alone changes either map: it reads both without the lock.
const StreamRules* StreamTable::find_sequenced(const Uuid& topic, std::string_view key) const {
  if (const Pending* pending = find(pending_, topic, key)) return &pending->rules;
  return find(durable_, topic, key);
}

StreamRules StreamTable::sequenced_rules(const Uuid& topic, ByteView key) const {
  const StreamRules* found = find_sequenced(topic, key_of(key));
  return found == nullptr ? StreamRules{} : *found;
}

Result<void> StreamTable::check_room(const Uuid& topic, ByteView key) const {
  if (count_ + pending_count_ < rules_max_ || find_sequenced(topic, key_of(key)) != nullptr)
    return {};
  return fail(Code::kOverloaded, "{} streams have rules already (stream_rules_max)", rules_max_);
}

std::uint64_t StreamTable::sequence(const StreamEvent& event) {
  std::string key = key_of(event.key);
  const StreamRules* before = find_sequenced(event.topic, key);
  if (event.rules.tombstoned && (before == nullptr || !before->tombstoned))
    ++tombstones_[event.topic];
  auto [pending, added] = pending_[event.topic].try_emplace(std::move(key));
  pending->second = {event.rules, ++tickets_};
  pending_count_ += added ? 1 : 0;
  return tickets_;
}

void StreamTable::commit(const StreamEvent& event, std::uint64_t ticket) {
  std::string key = key_of(event.key);
  if (const auto topic = pending_.find(event.topic); topic != pending_.end()) {
    const auto pending = topic->second.find(key);
    if (pending != topic->second.end() && pending->second.ticket == ticket) {
      topic->second.erase(pending);
      --pending_count_;
    }
    if (topic->second.empty()) pending_.erase(topic);
  }
  put(event.topic, std::move(key), event.rules);
}

void StreamTable::fold(const StreamEvent& event) {
  std::string key = key_of(event.key);
  const StreamRules* before = find(durable_, event.topic, key);
  if (event.rules.tombstoned && (before == nullptr || !before->tombstoned))
    ++tombstones_[event.topic];
  put(event.topic, std::move(key), event.rules);
}

void StreamTable::put(const Uuid& topic, std::string key, const StreamRules& rules) {
  const std::scoped_lock lock(mutex_);
  if (!rules.empty()) {
    count_ += durable_[topic].insert_or_assign(std::move(key), rules).second ? 1 : 0;
    return;
  }
  const auto streams = durable_.find(topic);
  if (streams == durable_.end()) return;
  count_ -= streams->second.erase(key);
  if (streams->second.empty()) durable_.erase(streams);
}

void StreamTable::remove_topic(const Uuid& topic) {
  if (const auto pending = pending_.find(topic); pending != pending_.end()) {
    pending_count_ -= pending->second.size();
    pending_.erase(pending);
  }
  tombstones_.erase(topic);
  const std::scoped_lock lock(mutex_);
  const auto streams = durable_.find(topic);
  if (streams == durable_.end()) return;
  count_ -= streams->second.size();
  durable_.erase(streams);
}

bool StreamTable::tombstoned(const TermView& stream) const {
  if (!any_tombstone(stream.topic)) return false;
  const StreamRules* found = find_sequenced(stream.topic, as_text(stream.bytes));
  return found != nullptr && found->tombstoned;
}

StreamRules StreamTable::rules(const Uuid& topic, ByteView key) const {
  const std::string bytes = key_of(key);
  const std::shared_lock lock(mutex_);
  const StreamRules* found = find(durable_, topic, bytes);
  return found == nullptr ? StreamRules{} : *found;
}

bool StreamTable::any_rules(const Uuid& topic) const {
  const std::shared_lock lock(mutex_);
  return durable_.contains(topic);
}

std::vector<std::pair<Bytes, StreamRules>> StreamTable::of_topic(const Uuid& topic) const {
  std::vector<std::pair<Bytes, StreamRules>> all;
  const std::shared_lock lock(mutex_);
  const auto streams = durable_.find(topic);
  if (streams == durable_.end()) return all;
  all.reserve(streams->second.size());
  for (const auto& [key, rules] : streams->second) {
    const ByteView bytes = as_bytes(key);
    all.emplace_back(Bytes(bytes.begin(), bytes.end()), rules);
  }
  return all;
}

std::vector<Uuid> StreamTable::topics() const {
  std::vector<Uuid> all;
  const std::shared_lock lock(mutex_);
  for (const auto& [topic, streams] : durable_) all.push_back(topic);
  return all;
}

std::size_t StreamTable::count() const {
  const std::shared_lock lock(mutex_);
  return count_;
}

}  // namespace stele::log
