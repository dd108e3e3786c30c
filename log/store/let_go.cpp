#include "log/store/let_go.h"

#include <algorithm>

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;

}  // namespace

Result<Position> first_by_version(const TermIndex& index, const TermView& stream,
                                  const StreamRules& rules, Position end) {
  if (!rules.max_count && !rules.truncate_before) return Position(0);
  STELE_TRY(const auto postings, index.postings(stream));
  STELE_TRY(const auto newest, postings->backward(end, 1));
  if (newest.empty()) return Position(0);
  const Posting& last = newest.front();
  std::int64_t version = rules.truncate_before ? rules.truncate_before->raw() : 0;
  if (rules.max_count) version = std::max(version, last.number + 1 - *rules.max_count);
  if (version <= 0) return Position(0);
  if (version > last.number) return last.position.next();
  STELE_TRY(const auto oldest, postings->at_number(version));
  return oldest ? oldest->position : Position(0);
}

Result<void> LetGo::find() {
  if (found_) return {};
  for (const auto& [bytes, rules] : streams_.of_topic(topic_)) {
    STELE_TRY(const Position first, first_kept(bytes, rules));
    if (first == Position(0)) continue;
    first_kept_.emplace(as_text(bytes), first);
    latest_ = std::max(latest_, first);
  }
  found_ = true;
  return {};
}

Result<Position> LetGo::first_kept(ByteView term_bytes, const StreamRules& rules) {
  // A tombstoned stream has no event behind the end: appends are refused.
  if (rules.tombstoned) return end_;
  Position first;
  if (rules.max_age_ms) {
    STELE_TRY(first, first_by_age(*rules.max_age_ms));
  }
  const TermView stream{TermKind::kStream, topic_, term_bytes,
                        index_.hasher().hash(TermKind::kStream, topic_, term_bytes)};
  STELE_TRY(const Position by_version, first_by_version(index_, stream, rules, end_));
  return std::min(std::max(first, by_version), end_);
}

Result<Position> LetGo::first_by_age(std::int64_t max_age_ms) {
  if (const auto known = by_age_.find(max_age_ms); known != by_age_.end()) return known->second;
  const std::int64_t now_us = env_.wall_us();
  const std::int64_t age_us = std::min(max_age_ms, now_us / kUsPerMs) * kUsPerMs;
  STELE_TRY(const auto found, order_.find_recorded(now_us - age_us));
  return by_age_[max_age_ms] = found ? std::min(*found, end_) : end_;
}

bool LetGo::holds(ByteView key, Position position) const {
  const auto kept = key.size() <= kTermBytesMax
                        ? first_kept_.find(std::string(as_text(key)))
                        : first_kept_.find(std::string(as_text(index_.hasher().term_bytes(key))));
  return kept != first_kept_.end() && position < kept->second;
}

}  // namespace stele::log
