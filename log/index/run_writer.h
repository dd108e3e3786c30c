// Writes a run: terms in the order of (hash, kind, topic, bytes), each with its postings,
// ascending.
//
//   begin() ─► { begin_term() ─► append()… ─► end_term() }… ─► write_filter()… ─► commit()
//
// Under the name <run>.new until commit(), which makes it durable, gives it its name and makes that
// durable. The filter is made from what was written, read back: what no reader could read never
// gets a name.
// Memory: a few blocks, 8 B for each block of entries, the topics.
// Thread: one. Errors: kNoSpace, kOverloaded, kIo; kCorrupt: what was read back is not what was
// written. After one of them the writer is only dropped; discard() removes the file.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "log/env/env.h"
#include "log/index/run.h"
#include "log/index/run_format.h"

namespace stele::log {

class RunWriter {
public:
  RunWriter(Env& env, std::string folder, const Uuid& store, RunRange range,
            const TermHasher& hasher);

  Result<void> begin();
  /// `base`: events of the term before the run, if known. `partition`: of its last event.
  void begin_term(const TermView& term, std::optional<std::int64_t> base, std::int32_t partition);
  Result<void> append(std::span<const Position> positions);
  /// Those of an entry of another run, which has no list of its own.
  Result<void> append_short(const RunEntry& entry);
  Result<void> end_term();

  /// Ends the terms, or goes on with the filter for so many blocks of entries; true: it is done.
  Result<bool> write_filter(std::uint64_t blocks_max);
  Result<void> commit();
  /// Removes what is not committed. For failures: says nothing.
  void discard();

  [[nodiscard]] RunRange range() const { return footer_.range; }
  [[nodiscard]] std::uint64_t written_blocks() const { return next_block_; }

private:
  struct OpenBlock {
    RunBlock block;
    std::size_t used_bytes = 0;
    std::size_t count = 0;
    void clear() {
      block.bytes.fill(std::byte{0});
      used_bytes = count = 0;
    }
  };
  struct OpenTerm {
    TermKind kind = TermKind::kStream;
    std::uint32_t topic = 0;
    Bytes bytes;
    std::uint64_t hash = 0;
    std::optional<std::int64_t> base;
    std::int32_t partition = 0;
    std::int64_t count = 0;
    Position first;
    Position last;
    LongList list;  // block_count: parts that are in their blocks already
    Bytes deltas;   // of the part being gathered: all of the list, if it is short
    std::int64_t part_index = 0;
    Position part_first;
  };

  Result<void> append(Position position);
  Result<void> end_part(bool last);
  Result<void> end_entries();
  Result<void> end_postings();
  Result<void> put(std::uint64_t index, const RunBlock& block);
  Result<void> flush_buffer();
  Result<void> end_terms();
  Result<void> write_topics();
  Result<void> write_fences();
  Result<void> add_to_filter(std::uint64_t hash);
  Result<void> end_filter_block();
  Result<void> filter_entries_of(std::uint64_t block);

  Env& env_;
  std::string folder_;
  std::string new_path_;
  TermHasher hasher_;
  RunFooter footer_;
  std::uint64_t seed_;
  std::unique_ptr<File> file_;

  std::map<Uuid, std::uint32_t> topic_numbers_;
  std::vector<Uuid> topics_;
  std::vector<RunFence> fences_;
  OpenTerm term_;
  std::uint64_t last_hash_ = 0;
  OpenBlock entries_;
  OpenBlock postings_;
  std::optional<std::uint64_t> postings_index_;  // where postings_ will stand
  std::uint64_t next_block_ = 0;

  Bytes buffer_;  // blocks from buffer_index_ on, not written yet
  std::uint64_t buffer_index_ = 0;
  std::uint64_t unsynced_bytes_ = 0;

  bool terms_ended_ = false;
  std::size_t filtered_blocks_ = 0;
  std::uint64_t filter_block_ = 0;  // among the filter's
  std::uint64_t filtered_hash_ = 0;
  OpenBlock filter_;
};

}  // namespace stele::log
