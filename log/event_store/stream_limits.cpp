#include "log/event_store/stream_limits.h"

#include <algorithm>

namespace stele::log {
namespace {

constexpr Position kNowhere{INT64_MAX};
constexpr std::size_t kKnownMax = 4096;
constexpr std::int64_t kUsPerMs = 1000;

}  // namespace

// Asked once a page, not of every event: most topics have no such streams.
bool StreamLimits::any_rules(const Uuid& topic) {
  if (looked_at_ == topic) return any_rules_;
  looked_at_ = topic;
  return any_rules_ = store_.any_stream_rules(topic);
}

Result<Position> StreamLimits::first_position(const Uuid& topic, ByteView key) {
  if (!any_rules(topic)) return Position(0);
  const StreamRules rules = store_.stream_rules(topic, key);
  if (rules.empty()) return Position(0);
  if (rules.tombstoned) return kNowhere;
  StreamKey name{topic, std::string(as_text(key))};
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  STELE_TRY(const Position first, first_position(topic, key, rules));
  if (known_.size() >= kKnownMax) known_.clear();
  known_.emplace(std::move(name), first);
  return first;
}

Result<Position> StreamLimits::first_position(const Uuid& topic, ByteView key,
                                              const StreamRules& rules) const {
  if (rules.tombstoned) return kNowhere;
  Position first;
  if (rules.max_age_ms) {
    const std::int64_t now_us = store_.env().wall_us();
    const std::int64_t age_us = std::min(*rules.max_age_ms, now_us / kUsPerMs) * kUsPerMs;
    STELE_TRY(first, store_.find_recorded(now_us - age_us));
  }
  if (!rules.max_count && !rules.truncate_before) return first;
  const TermIndex& index = store_.index();
  STELE_TRY(const auto postings, index.postings(index.hasher().stream(topic, key).view()));
  STELE_TRY(const auto newest, postings->backward(end_, 1));
  if (newest.empty()) return first;
  const Posting& last = newest.front();
  std::int64_t version = rules.truncate_before ? rules.truncate_before->raw() : 0;
  if (rules.max_count) version = std::max(version, last.number + 1 - *rules.max_count);
  if (version <= 0) return first;
  if (version > last.number) return std::max(first, last.position.next());
  STELE_TRY(const auto oldest, postings->at_number(version));
  return oldest ? std::max(first, oldest->position) : first;
}

}  // namespace stele::log
