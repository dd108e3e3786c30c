// From which position on the events of a stream are read: truncate before, max count, max age and
// tombstone hide what is older; versions don't change.
//
// All of a stream's rules hide a prefix of it: recorded times and versions grow with the position.
// Thread: its owner's; made for one page.
#pragma once

#include <optional>
#include <unordered_map>

#include "log/store/store.h"

namespace stele::log {

class StreamLimits {
public:
  /// As of `end`, one past the last durable position. `store` outlives it.
  StreamLimits(const Store& store, Position end) : store_(store), end_(end) {}

  /// The first position that is read; end of all positions for a tombstoned stream. kCorrupt, kIo.
  Result<Position> first_position(const Uuid& topic, ByteView key);
  /// The same, of rules that are known.
  Result<Position> first_position(const Uuid& topic, ByteView key, const StreamRules& rules) const;

private:
  struct StreamKey {
    Uuid topic;
    std::string key;
    bool operator==(const StreamKey&) const = default;
  };
  struct StreamKeyHash {
    std::size_t operator()(const StreamKey& stream) const {
      return std::hash<Uuid>{}(stream.topic) ^ std::hash<std::string>{}(stream.key);
    }
  };

  [[nodiscard]] bool any_rules(const Uuid& topic);

  const Store& store_;
  Position end_;
  std::optional<Uuid> looked_at_;  ///< the topic that any_rules() was asked of last
  bool any_rules_ = false;
  std::unordered_map<StreamKey, Position, StreamKeyHash> known_;  ///< of streams with rules
};

}  // namespace stele::log
