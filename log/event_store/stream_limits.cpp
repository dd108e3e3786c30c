#include "log/event_store/stream_limits.h"

#include <algorithm>

#include "log/store/let_go.h"

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
  const TermIndex& index = store_.index();
  STELE_TRY(const Position by_version,
            first_by_version(index, index.hasher().stream(topic, key).view(), rules, end_));
  return std::max(first, by_version);
}

}  // namespace stele::log
