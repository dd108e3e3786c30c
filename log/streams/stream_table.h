// The rules of all streams that have any: a fold of the events of `__stele_streams`.
//
//   sequence()  ── what the operations after it in the commit group must see ──► pending (the core)
//   commit()    ── it is durable ──► the table that everybody reads
//
// Streams are told apart by the bytes that terms hold of their keys (TermHasher::term_bytes).
// Invariants: nobody but the sequencer sees a rule that is not durable; a tombstone is never taken
// back. Of a deleted topic nothing is kept.
// Threads: "the core" functions belong to whoever runs the core (recovery before it); the others to
// anybody.
#pragma once

#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "log/index/term.h"
#include "log/streams/stream_event.h"

namespace stele::log {

class StreamTable {
public:
  StreamTable(const TermHasher& hasher, std::size_t rules_max)
      : hasher_(hasher), rules_max_(rules_max) {}

  // --- the core ---

  /// Replay: the event is durable.
  void fold(const StreamEvent& event);
  /// As everything sequenced has left them.
  [[nodiscard]] StreamRules sequenced_rules(const Uuid& topic, ByteView key) const;
  /// kOverloaded: rules_max streams have rules already, and this one is not among them.
  [[nodiscard]] Result<void> check_room(const Uuid& topic, ByteView key) const;
  /// The rules hold for what is sequenced from now on. Give the ticket to commit().
  [[nodiscard]] std::uint64_t sequence(const StreamEvent& event);
  void commit(const StreamEvent& event, std::uint64_t ticket);
  void remove_topic(const Uuid& topic);
  /// False: no stream of the topic is tombstoned, nothing need be looked up. Cheap.
  [[nodiscard]] bool any_tombstone(const Uuid& topic) const { return tombstones_.contains(topic); }
  /// As everything sequenced has left it. `stream`: a term of kind kStream.
  [[nodiscard]] bool tombstoned(const TermView& stream) const;

  // --- anybody ---

  [[nodiscard]] StreamRules rules(const Uuid& topic, ByteView key) const;
  /// False: no stream of the topic has any.
  [[nodiscard]] bool any_rules(const Uuid& topic) const;
  /// The streams of the topic that have rules, by the bytes that terms hold of their keys.
  [[nodiscard]] std::vector<std::pair<Bytes, StreamRules>> of_topic(const Uuid& topic) const;
  [[nodiscard]] std::vector<Uuid> topics() const;
  /// Streams with rules.
  [[nodiscard]] std::size_t count() const;

private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  template <class Value>
  using ByKey = std::unordered_map<std::string, Value, KeyHash, std::equal_to<>>;
  template <class Value>
  using ByStream = std::unordered_map<Uuid, ByKey<Value>>;
  struct Pending {
    StreamRules rules;
    std::uint64_t ticket = 0;
  };

  template <class Value>
  static const Value* find(const ByStream<Value>& in, const Uuid& topic, std::string_view key);
  [[nodiscard]] const StreamRules* find_sequenced(const Uuid& topic, std::string_view key) const;
  [[nodiscard]] std::string key_of(ByteView key) const;
  void put(const Uuid& topic, std::string key, const StreamRules& rules);

  TermHasher hasher_;
  std::size_t rules_max_;

  // The core's.
  ByStream<Pending> pending_;  ///< sequenced, not durable yet
  std::uint64_t tickets_ = 0;
  std::size_t pending_count_ = 0;
  std::unordered_map<Uuid, std::int64_t> tombstones_;  ///< how many a topic has, pending ones too

  mutable std::shared_mutex mutex_;  ///< the core writes under it, the others read
  ByStream<StreamRules> durable_;
  std::size_t count_ = 0;
};

}  // namespace stele::log
