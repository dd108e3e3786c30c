#include "log/store/recovery.h"

#include <algorithm>
#include <map>
#include <set>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/base/planted.h"
#include "log/store/identity.h"
#include "log/store/index_recovery.h"
#include "log/store/stream_recovery.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kFirstLap = 1;
constexpr std::uint64_t kFirstSequence = 1;

// <20 digits>.<generation>.log or .batches
bool is_compaction_file(std::string_view name) {
  constexpr std::size_t kBaseDigits = 20;
  const auto are_digits = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name.ends_with(".log")) {
    name.remove_suffix(4);
  } else if (name.ends_with(".batches")) {
    name.remove_suffix(8);
  } else {
    return false;
  }
  return name.size() > kBaseDigits + 1 && name[kBaseDigits] == '.' &&
         are_digits(name.substr(0, kBaseDigits)) && are_digits(name.substr(kBaseDigits + 1));
}

class Recovery {
public:
  Recovery(StoreParts& parts, SuperblockPair pair)
      : parts_(parts), pair_(std::move(pair)), image_(std::move(pair_.newest)) {}

  Result<void> run() {
    const JournalPlace newest = image_.replay_from;
    const JournalPlace& older_replay_from = pair_.older_replay_from;
    restore(!pair_.damage.empty());
    STELE_TRY(const JournalEnd end, parts_.journal->scan(newest, [this](const ScannedEntry& entry) {
      return replay(entry);
    }));
    STELE_DO(confirm(end));
    if (end.torn) STELE_DO(quarantine_torn(end));
    parts_.recovered_entries = static_cast<std::int64_t>(end.entry_count);
    parts_.sequencer.set_end(end_);
    parts_.journal->start(end.next, older_replay_from);
    parts_.checkpointer = std::make_unique<Checkpointer>(parts_.env, parts_.files, *parts_.journal,
                                                         parts_.folder, parts_.id);
    parts_.checkpointer->start(image_.generation, newest, older_replay_from);
    STELE_DO(fold_catalogue());
    STELE_DO(build_topics());
    STELE_DO(cut_segments());
    remember_what_was_written();
    STELE_DO(sweep_compactions());
    return sweep_topics();
  }

private:
  void restore(bool other_superblock_damaged) {
    if (other_superblock_damaged) skip_removed_order_files();
    parts_.order.restore(image_.order_count, image_.order_first_block, image_.order_tail);
    parts_.recorded_us = image_.recorded_us;
    parts_.timeline = image_.timeline;
    end_ = image_.end;
    for (PartitionImage& partition : image_.partitions) add(std::move(partition));
    image_.partitions.clear();
  }

  // What was read may stand in a cache alone (kill -9, or a flush that failed): nothing is built on
  // it, nor shown to a reader, before it is durable. The folder too: a STELE whose entry were lost
  // would make the next start take the folder for an unfinished one, and make it anew.
  Result<void> confirm(const JournalEnd& end) {
    if (planted(Plant::kShowUnconfirmed)) return {};
    STELE_DO(parts_.journal->confirm(end));
    return confirm_superblock(parts_.env, parts_.folder, image_.generation, pair_.newest_bytes);
  }

  // An older checkpoint may name order files that a newer one, now damaged, had let go of.
  void skip_removed_order_files() {
    const std::uint64_t blocks = image_.order_count / parts_.order.entries_per_block();
    while (image_.order_first_block + kOrderBlocksPerFile <= blocks &&
           !parts_.files.open(parts_.order.path_of(image_.order_first_block))) {
      image_.order_first_block += kOrderBlocksPerFile;
    }
  }

  PartitionPtr add(PartitionImage image) {
    const TopicPartition id = image.id;
    return partitions_[id] =
               std::make_shared<Partition>(parts_.files, parts_.order, parts_.partition_folder(id),
                                           parts_.seed(), std::move(image));
  }

  PartitionPtr find_or_add(const TopicPartition& id) {
    const auto found = partitions_.find(id);
    if (found != partitions_.end()) return found->second;
    PartitionImage image;
    image.id = id;
    return add(std::move(image));
  }

  Result<void> replay(const ScannedEntry& scanned) {
    const EntryHeader& header = scanned.entry.header;
    for (std::size_t i = 0; i < scanned.entry.parts.size(); ++i) {
      const JournalPart& part = scanned.entry.parts[i];
      const PartitionPtr partition = find_or_add(part.partition);
      replayed_[part.partition] = partition;
      if (part.kind == PartKind::kTrim) {
        remove(partition->apply_trim(part.base_offset, part.segment_base));
        continue;
      }
      if (part.kind == PartKind::kSwap) {
        // Before the files go: what is still to be written to one of them.
        STELE_DO(flush_pieces());
        STELE_TRY(const auto gone,
                  partition->replay_swap(swapped_segment(part), part.segment_base));
        remove(gone);
        continue;
      }
      const bool damaged =
          std::ranges::find(scanned.damaged_parts, i) != scanned.damaged_parts.end();
      STELE_DO(replay_batch(*partition, header, part,
                            scanned.body.subspan(part.body_at, part.batch_bytes), damaged));
    }
    STELE_DO(flush_pieces());
    parts_.recorded_us = header.recorded_us;
    parts_.timeline = header.timeline;
    return {};
  }

  void remove(const Partition::SegmentList& gone) {
    for (const auto& segment : gone) {
      removals_.push_back(segment->path());
      removals_.push_back(segment->index_path());
    }
  }

  Result<void> replay_batch(Partition& partition, const EntryHeader& header,
                            const JournalPart& part, ByteView batch, bool damaged) {
    const BatchEntry entry{
        part.base_offset,      part.record_count,    static_cast<std::uint32_t>(part.file_at),
        part.batch_bytes,      part.position,        header.recorded_us,
        part.min_timestamp_ms, part.max_timestamp_ms};
    STELE_TRY(auto segment, partition.replay(part.segment_base, entry, header.recorded_us));
    STELE_DO(
        parts_.order.append({part.position, header.recorded_us, part.partition, part.record_count,
                             part.base_offset, part.batch_bytes, part.batch_crc, part.file_at}));
    end_ = part.position.next(part.record_count);
    if (damaged) return check_damaged(partition, segment, part);
    STELE_TRY(const BatchHeader parsed, parse_batch_header(batch));
    partition.producers().add(parsed, part.base_offset, part.position, header.recorded_us);
    return add_piece(std::move(segment), part.file_at, batch);
  }

  // The journal's copy is damaged, but the segment's may be good: it had been written before the
  // crash.
  Result<void> check_damaged(Partition& partition, const std::shared_ptr<Segment>& segment,
                             const JournalPart& part) {
    Bytes copy(part.batch_bytes);
    const bool whole =
        partition
            .read_batch({segment, part.base_offset, part.file_at, part.batch_bytes, part.batch_crc},
                        copy)
            .has_value();
    if (whole) {
      STELE_TRY(const BatchHeader parsed, parse_batch_header(copy));
      partition.producers().add(parsed, part.base_offset, part.position, parts_.recorded_us);
    }
    parts_.env.report(
        whole ? Severity::kWarn : Severity::kError,
        fmt::format("journal_batch_damaged partition={} offset={} file={} segment_copy={}",
                    part.partition.text(), part.base_offset.raw(), segment->path(),
                    whole ? "whole" : "damaged"));
    return {};
  }

  Result<void> add_piece(std::shared_ptr<Segment> segment, std::uint64_t at, ByteView batch) {
    if (segment != piece_segment_ || at != piece_end_) {
      STELE_DO(flush_pieces());
      piece_segment_ = std::move(segment);
      piece_start_ = at;
    }
    pieces_.push_back(batch);
    piece_end_ = at + batch.size();
    return {};
  }

  Result<void> flush_pieces() {
    if (pieces_.empty()) return {};
    const auto pieces = std::exchange(pieces_, {});
    const auto segment = std::exchange(piece_segment_, nullptr);
    return segment->write(pieces, piece_start_);
  }

  Result<void> quarantine(const std::string& name, ByteView bytes) {
    const std::string folder = parts_.folder + "/quarantine";
    STELE_DO(parts_.env.make_folder(folder));
    const std::string path = fmt::format("{}/{}", folder, name);
    {
      STELE_TRY(const auto file, parts_.env.open(path, OpenMode::kCreate));
      STELE_DO(file->truncate(0));
      STELE_DO(file->write(bytes, 0));
      STELE_DO(file->sync());
    }
    STELE_DO(parts_.env.sync_folder(folder));
    parts_.quarantined_bytes += static_cast<std::int64_t>(bytes.size());
    parts_.env.report(Severity::kWarn,
                      fmt::format("torn_tail_cut bytes={} kept_in={}", bytes.size(), path));
    return {};
  }

  Result<void> quarantine_torn(const JournalEnd& end) {
    STELE_TRY(const Bytes torn, parts_.journal->read_torn(end));
    STELE_DO(quarantine(
        fmt::format("journal-lap{}-entry{}.bin", end.torn_place.lap, end.torn_place.sequence),
        torn));
    return parts_.journal->erase_torn(end);
  }

  // Nothing should stand beyond the known end of a segment, and nothing before it should be
  // missing.
  Result<void> cut_segments() {
    for (const auto& [id, partition] : partitions_) {
      const auto segments = partition->segments();
      const bool deleted = parts_.sequencer.find_topic(id.topic) == nullptr;
      if (deleted || segments->empty()) continue;
      Segment& last = *segments->back();
      const auto beyond = last.read_beyond();
      if (!beyond) {
        const Code code = beyond.error().code;
        if (code != Code::kCorrupt && code != Code::kNotFound)
          return std::unexpected(beyond.error());
        // Reads of what is missing answer kCorrupt; the rest of the store is served.
        parts_.env.report(Severity::kError,
                          fmt::format("segment_damaged partition={} reason=\"{}\"", id.text(),
                                      beyond.error().detail));
        continue;
      }
      if (beyond->empty()) continue;
      STELE_DO(quarantine(
          fmt::format("segment-{}-{}-{}.bin", id.text(), last.base().raw(), last.published_bytes()),
          *beyond));
      STELE_DO(last.cut_beyond());
    }
    return {};
  }

  Result<void> fold_catalogue() {
    return for_each_batch(*find_or_add({catalogue_id(), 0}), [this](ByteView batch) {
      return parts_.sequencer.catalogue().apply_batch(batch);
    });
  }

  Result<void> build_topics() {
    std::vector<TopicPtr> topics = parts_.sequencer.catalogue().topics();
    topics.push_back(catalogue_topic());
    std::size_t producers = 0;
    for (const TopicPtr& info : topics) {
      TopicEntry topic = parts_.make_topic(info);
      for (PartitionPtr& partition : topic.partitions) {
        const auto known = partitions_.find(partition->id());
        if (known != partitions_.end()) partition = known->second;
        producers += partition->producers().count();
      }
      parts_.table.put(topic);
      parts_.sequencer.add_topic(std::move(topic));
    }
    parts_.sequencer.set_producer_count(producers);
    return {};
  }

  void remember_what_was_written() {
    for (const auto& [id, partition] : replayed_) parts_.checkpointer->wrote(partition);
    for (const std::string& path : removals_) parts_.checkpointer->remove_file(path);
  }

  // What a compaction had written when it was interrupted goes now, not with a checkpoint: the next
  // one may give its file the same name.
  Result<void> sweep_compactions() {
    for (const auto& [id, topic] : parts_.sequencer.topics()) {
      for (const PartitionPtr& partition : topic.partitions) {
        const auto segments = partition->segments();
        // Closed segments of a topic that is not compacted may be scavenged.
        const bool rewritten =
            topic.info->config.compacted() || segments->size() > 1 ||
            std::ranges::any_of(*segments, [](const auto& one) { return one->compacted(); });
        if (rewritten) STELE_DO(sweep_compaction(partition->folder(), *segments));
      }
    }
    return {};
  }

  Result<void> sweep_compaction(const std::string& folder, const Partition::SegmentList& segments) {
    const auto entries = parts_.env.list(folder);
    if (!entries)
      return entries.error().code == Code::kNotFound ? Result<void>{}
                                                     : std::unexpected(entries.error());
    std::set<std::string> known(removals_.begin(), removals_.end());
    for (const auto& segment : segments) {
      known.insert(segment->path());
      known.insert(segment->index_path());
    }
    for (const FolderEntry& entry : *entries) {
      const std::string path = folder + "/" + entry.name;
      if (!is_compaction_file(entry.name) || known.contains(path)) continue;
      parts_.files.forget(path);
      STELE_DO(parts_.env.remove(path));
      parts_.env.report(Severity::kInfo,
                        fmt::format("unfinished_compaction_removed path={}", path));
    }
    return {};
  }

  // Folders of deleted topics go; a folder that the catalogue never heard of is somebody's data,
  // and stays.
  Result<void> sweep_topics() {
    const std::string folder = parts_.folder + "/topics";
    const auto entries = parts_.env.list(folder);
    if (!entries)
      return entries.error().code == Code::kNotFound ? Result<void>{}
                                                     : std::unexpected(entries.error());
    for (const FolderEntry& entry : *entries) {
      const auto id = Uuid::parse(entry.name);
      if (id && parts_.sequencer.find_topic(*id) != nullptr) continue;
      if (id && parts_.sequencer.catalogue().was_deleted(*id)) {
        parts_.checkpointer->remove_folder(folder + "/" + entry.name);
      } else {
        parts_.env.report(Severity::kWarn,
                          fmt::format("unknown_folder path={}/{} kept=true", folder, entry.name));
      }
    }
    return {};
  }

  StoreParts& parts_;
  SuperblockPair pair_;
  StoreImage image_;
  Position end_;
  std::map<TopicPartition, PartitionPtr> partitions_;
  std::map<TopicPartition, PartitionPtr> replayed_;
  std::vector<std::string> removals_;
  std::vector<ByteView> pieces_;
  std::shared_ptr<Segment> piece_segment_;
  std::uint64_t piece_start_ = 0;
  std::uint64_t piece_end_ = 0;
};

std::string parent_of(const std::string& folder) {
  const std::size_t slash = folder.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : folder.substr(0, slash);
}

// Folders above the data folder may be new too; what cannot be opened for it is not.
Result<void> sync_parents(Env& env, const std::string& folder) {
  std::string parent = parent_of(folder);
  STELE_DO(env.sync_folder(parent));
  while (parent != "/" && parent != ".") {
    parent = parent_of(parent);
    if (!env.sync_folder(parent)) break;
  }
  return {};
}

}  // namespace

Result<void> create_store(Env& env, const std::string& folder, const StoreOptions& options) {
  const Uuid id = Uuid::from_random(env.random(), env.random());
  STELE_DO(env.make_folder(folder));
  for (const char* name : {"/topics", "/order", "/quarantine"})
    STELE_DO(env.make_folder(folder + name));
  STELE_DO(Journal::create(env, folder + "/journal", options.journal_bytes_min));
  StoreImage image;
  image.replay_from = {.lap = kFirstLap, .at = 0, .sequence = kFirstSequence, .predecessor = 0};
  image.journal_bytes = options.journal_bytes_min;
  for (image.generation = 0; image.generation < 2; ++image.generation) {
    STELE_DO(write_superblock(env, folder, image.generation, encode_superblock(image, id)));
  }
  // The way to the folder first: once STELE is there, nobody looks after it again.
  STELE_DO(sync_parents(env, folder));
  return write_identity(env, folder, id);
}

Result<std::unique_ptr<StoreParts>> recover_store(Env& env, const std::string& folder,
                                                  const StoreOptions& options) {
  STELE_TRY(const Uuid id, read_identity(env, folder));
  STELE_TRY(SuperblockPair pair, read_superblocks(env, folder, id));
  if (!pair.damage.empty()) {
    env.report(Severity::kWarn,
               fmt::format("superblock_damaged folder={} used_generation={} reason=\"{}\"", folder,
                           pair.newest.generation, pair.damage));
  }
  auto parts = std::make_unique<StoreParts>(env, folder, options, id);
  STELE_TRY(parts->journal, Journal::open(env, folder + "/journal", id));
  if (parts->journal->capacity_bytes() < pair.newest.journal_bytes) {
    return fail(Code::kCorrupt,
                "{}/journal has been cut to {} bytes, it had {}; nothing was changed; restore the "
                "folder from a backup",
                folder, parts->journal->capacity_bytes(), pair.newest.journal_bytes);
  }
  STELE_DO(Recovery(*parts, std::move(pair)).run());
  STELE_DO(recover_floors(*parts));
  STELE_DO(recover_index(*parts));
  STELE_DO(recover_streams(*parts));
  return parts;
}

}  // namespace stele::log
