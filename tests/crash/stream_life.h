// Streams over a simulated disk: appends with exact versions, rules, tombstones, trims, compaction
// and scavenge, each written down as it is asked and answered; and what a recovered store must then
// hold: every version, head and posting as if nothing had ever been removed, every event that no
// rule hides, and nothing of what was let go of for good.
//
//   StreamLife ─► EventStore on SimEnv ─► crash ─► StreamLife on what is left ─► judge()
//      └─► StreamHistory (what was answered, and the one thing that was under way)
//
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/event_store/event_store.h"
#include "tests/support/sim_env.h"

namespace stele::crash {

/// Nothing of it is shared: a copy is judged for each disk.
struct StreamHistory {
  struct Event {
    log::StreamName stream;
    std::string type;
    std::string tag;
    std::int64_t version = 0;
    Position position;
    std::int32_t partition = 0;
    Offset offset;
    bool may_be_gone = false;  ///< a scavenge met it while a rule hid it
  };
  struct Trim {
    std::string topic;
    std::int32_t partition = 0;
    Offset before;
  };
  std::vector<Event> events;  ///< by position
  std::map<log::StreamName, log::StreamRules> rules;
  std::map<std::pair<std::string, std::int32_t>, Offset> trimmed;

  // What was under way when the disk crashed: it has happened, or never will.
  std::vector<Event> appending;
  std::optional<std::pair<log::StreamName, log::StreamRules>> ruling;
  std::optional<Trim> trimming;

  [[nodiscard]] std::int64_t count(const log::StreamName& stream) const;
  [[nodiscard]] bool hidden(const Event& event) const;
};

class StreamLife {
public:
  StreamLife(SimEnv& env, StreamHistory& history) : env_(env), history_(history) {}
  ~StreamLife();

  Result<void> open();
  /// Topics "a" (two partitions), and "c", which is compacted.
  void create();
  void kill();
  /// A clean stop, then open again.
  void reopen();

  // Nothing happens once the disk has crashed or the store has stopped.
  void append(const std::vector<log::StreamName>& streams);
  void rule(const log::StreamName& stream, const log::StreamRules& rules);
  void trim(const std::string& topic, std::int32_t partition, std::int64_t records);
  void scavenge();
  void compact();
  /// One of them, by the number.
  void step(std::uint64_t number);

  /// Empty, or the first promise that is broken. Settles what was under way.
  [[nodiscard]] std::string judge();
  /// A promise broken while the store ran.
  [[nodiscard]] const std::string& broken() const { return broken_; }
  [[nodiscard]] std::int64_t scavenged() const { return scavenged_; }
  [[nodiscard]] std::int64_t tombstoned() const;

private:
  [[nodiscard]] bool alive() const;
  void note(bool holds, const std::string& what);
  void take(const log::AppendedEvents& appended);
  void settle();
  void settle_append();
  void judge_versions();
  void judge_terms(log::TermKind kind);
  void judge_reads();
  void judge_read(const log::StreamName& stream);
  [[nodiscard]] bool readable(const StreamHistory::Event& event) const;

  SimEnv& env_;
  StreamHistory& history_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::string broken_;
  std::int64_t scavenged_ = 0;
};

/// The same disk without its index.
[[nodiscard]] SimDisk without_index(const SimDisk& disk);
/// Judges the store on the disk, and once more with an index built anew. Empty: all is well.
[[nodiscard]] std::string judge_streams(const SimDisk& disk, const StreamHistory& history);

}  // namespace stele::crash
