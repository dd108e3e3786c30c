// Where the events that a stream's rules let go of end: for reads, which pass them over, and for
// scavenge, which removes them.
//
// Thread: any; reads index and order log.
#pragma once

#include <string>
#include <unordered_map>

#include "log/compaction/scavenge_run.h"
#include "log/index/term_index.h"
#include "log/order/order_log.h"
#include "log/streams/stream_table.h"

namespace stele::log {

/// The first position that max_count and truncate_before leave; `end` bounds the events that count.
/// kCorrupt, kIo.
[[nodiscard]] Result<Position> first_by_version(const TermIndex& index, const TermView& stream,
                                                const StreamRules& rules, Position end);

/// What the streams of one topic have let go of, as the rules are when find() is called.
class LetGo final : public LetGoEvents {
public:
  /// `end`: events behind it do not count. All outlive it.
  LetGo(Env& env, const TermIndex& index, const StreamTable& streams, const OrderLog& order,
        const Uuid& topic, Position end)
      : env_(env), index_(index), streams_(streams), order_(order), topic_(topic), end_(end) {}

  Result<void> find() override;
  [[nodiscard]] bool holds(ByteView key, Position position) const override;
  [[nodiscard]] Position end() const override { return latest_; }

private:
  Result<Position> first_kept(ByteView term_bytes, const StreamRules& rules);
  Result<Position> first_by_age(std::int64_t max_age_ms);

  Env& env_;
  const TermIndex& index_;
  const StreamTable& streams_;
  const OrderLog& order_;
  Uuid topic_;
  Position end_;
  std::unordered_map<std::int64_t, Position> by_age_;
  std::unordered_map<std::string, Position> first_kept_;  ///< by the bytes that terms hold
  Position latest_;                                       ///< the greatest of them
  bool found_ = false;
};

}  // namespace stele::log
