#include "log/store/verify.h"

#include <algorithm>
#include <map>

#include "log/base/fail.h"
#include "log/store/core.h"
#include "log/store/identity.h"

namespace stele::log {
namespace {

constexpr std::int64_t kProgressEvery = 4096;

// Where the check of one partition stands: the batch that the order log should name next.
struct Cursor {
  PartitionPtr partition;
  std::string name;
  std::size_t segment = 0;
  std::uint64_t ordinal = 0;  // of the batch in that segment
  std::uint64_t at = 0;       // byte in that segment
  Offset next;
  std::uint64_t block_index = UINT64_MAX;
  Result<Block> block = fail(Code::kNotFound, "not read yet");
};

class Verifier {
public:
  Verifier(Env& env, const std::string& folder, const Uuid& store, const VerifyProgress& progress)
      : env_(env), folder_(folder), progress_(progress), parts_(env, folder, {}, store, true) {}

  Result<VerifyReport> run() {
    STELE_TRY(const bool readable, load());
    if (!readable) return std::move(report_);
    STELE_DO(check_catalogue());
    STELE_DO(check_order());
    for (const auto& [id, cursor] : cursors_) check_finished(cursor);
    STELE_DO(check_journal());
    return std::move(report_);
  }

private:
  void problem(std::string place, std::string what, bool derived = false) {
    ++report_.problem_count;
    if (report_.problems.size() < VerifyReport::problem_count_max) {
      report_.problems.push_back({std::move(place), std::move(what), derived});
    }
  }

  // False: the checkpoint itself cannot be read, so there is nothing to compare with.
  Result<bool> load() {
    auto pair = read_superblocks(env_, folder_, parts_.id);
    if (!pair) {
      if (pair.error().code != Code::kCorrupt) return std::unexpected(pair.error());
      problem(folder_ + "/superblock.*", pair.error().detail);
      return false;
    }
    if (!pair->damage.empty()) {
      problem(superblock_path(folder_, pair->newest.generation + 1),
              pair->damage + " (the other one is used)", true);
    }
    image_ = std::move(pair->newest);
    parts_.order.restore(image_.order_count, image_.order_first_block, image_.order_tail);
    for (PartitionImage& image : image_.partitions) {
      const TopicPartition id = image.id;
      const Offset first = image.segments.empty() ? image.end : image.segments.front().base;
      for (const SegmentImage& segment : image.segments)
        total_ += static_cast<std::int64_t>(segment.batch_count);
      auto partition = std::make_shared<Partition>(
          parts_.files, parts_.order, parts_.partition_folder(id), parts_.seed(), std::move(image));
      report_.segment_count += static_cast<std::int64_t>(partition->segments()->size());
      report_.log_bytes += partition->size_bytes();
      ++report_.partition_count;
      Cursor& cursor = cursors_[id];
      cursor.partition = std::move(partition);
      cursor.name = id.text();
      cursor.next = first;
    }
    return true;
  }

  Result<void> check_catalogue() {
    const auto found = cursors_.find({catalogue_id(), 0});
    if (found == cursors_.end()) return {};
    const Partition& partition = *found->second.partition;
    Bytes buffer(1 << 20);
    Catalogue catalogue;
    for (Offset at = partition.log_start(); at < partition.end();) {
      const auto read = partition.read(at, buffer);
      if (!read || read->bytes == 0) {
        problem(fmt::format("{} offset {}", kCatalogueName, at.raw()),
                read ? "a batch is too large" : read.error().detail);
        return {};
      }
      fold(catalogue, ByteView(buffer).first(read->bytes));
      at = read->next;
    }
    for (const TopicPtr& topic : catalogue.topics()) {
      ++report_.topic_count;
      for (std::int32_t i = 0; i < topic->partition_count; ++i) {
        const auto known = cursors_.find({topic->id, i});
        if (known != cursors_.end()) known->second.name = fmt::format("{}-{}", topic->name, i);
      }
    }
    return {};
  }

  void fold(Catalogue& catalogue, ByteView batches) {
    while (!batches.empty()) {
      const auto header = parse_batch_header(batches);
      if (!header) return problem(std::string(kCatalogueName), header.error().detail);
      const auto events =
          decode_catalogue_events(batches.first(static_cast<std::size_t>(header->batch_bytes)));
      if (!events) return problem(std::string(kCatalogueName), events.error().detail);
      for (const CatalogueEvent& event : *events) {
        if (const auto applied = catalogue.apply(event); !applied) {
          problem(std::string(kCatalogueName), applied.error().detail);
        }
      }
      batches = batches.subspan(static_cast<std::size_t>(header->batch_bytes));
    }
  }

  // The order log names every batch there is; following it checks each in its segment and in its
  // index.
  Result<void> check_order() {
    std::optional<OrderEntry> before;
    for (std::uint64_t index = parts_.order.first_block(); index < parts_.order.block_count();
         ++index) {
      ++report_.order_block_count;
      const auto entries = parts_.order.block(index);
      if (!entries) {
        if (entries.error().code != Code::kCorrupt) return std::unexpected(entries.error());
        problem(parts_.order.path_of(index), entries.error().detail);
        before.reset();
        lost_order_ = true;
        continue;
      }
      for (const OrderEntry& entry : *entries) {
        if (before && (entry.position != before->position.next(before->record_count) ||
                       entry.recorded_us < before->recorded_us)) {
          problem(fmt::format("{} position {}", parts_.order.path_of(index), entry.position.raw()),
                  "position or recorded time does not follow the entry before");
        }
        before = entry;
        check_entry(entry);
      }
    }
    if (before && before->position.next(before->record_count) != image_.end) {
      problem(folder_ + "/order",
              fmt::format("ends at position {}, the checkpoint at {}",
                          before->position.next(before->record_count).raw(), image_.end.raw()));
    }
    return {};
  }

  void check_entry(const OrderEntry& entry) {
    const auto found = cursors_.find(entry.from);
    if (found == cursors_.end()) return;  // of a deleted topic
    Cursor& cursor = found->second;
    const auto segments = cursor.partition->segments();
    if (segments->empty() || entry.base_offset < segments->front()->base()) return;  // let go of
    if (lost_order_ && entry.base_offset > cursor.next) skip_to(cursor, entry);
    enter_segment(cursor, *segments, entry.base_offset);
    const auto& segment = (*segments)[cursor.segment];
    const std::string place = fmt::format("{} offset {} ({} byte {})", cursor.name,
                                          entry.base_offset.raw(), segment->path(), cursor.at);
    if (entry.base_offset != cursor.next) {
      problem(place, fmt::format("the order log should name offset {}", cursor.next.raw()));
    }
    cursor.next = entry.base_offset.next(entry.record_count);
    if (segment->compacted()) {
      check_compacted(cursor, entry, segment, place);
    } else {
      check_appended(cursor, entry, segment, place);
    }
    if (progress_ && report_.batch_count % kProgressEvery == 0)
      progress_(report_.batch_count, total_);
  }

  // A segment as it was appended: the order log says where each batch stands.
  void check_appended(Cursor& cursor, const OrderEntry& entry,
                      const std::shared_ptr<Segment>& segment, const std::string& place) {
    if (entry.file_at != cursor.at)
      problem(place, fmt::format("the order log names byte {}", entry.file_at));
    check_batch(cursor,
                {segment, entry.base_offset, entry.file_at, entry.batch_bytes, entry.batch_crc},
                entry.record_count, place);
    const auto found = index_entry(cursor, *segment);
    if (found && (found->base_offset != entry.base_offset || found->file_at != entry.file_at ||
                  found->batch_bytes != entry.batch_bytes || !same_commit(*found, entry)))
      problem(fmt::format("{} entry {}", segment->index_path(), cursor.ordinal),
              "differs from the order log", true);
    step(cursor, entry.file_at + entry.batch_bytes);
  }

  // One that compaction wrote: which of the batches are left, and where, is in the index alone.
  void check_compacted(Cursor& cursor, const OrderEntry& entry,
                       const std::shared_ptr<Segment>& segment, const std::string& place) {
    if (cursor.ordinal == segment->index().count()) return;  // removed, like all that follow
    auto found = index_entry(cursor, *segment);
    if (!found) {
      const auto rebuilt = segment->index().entry(cursor.ordinal);
      if (!rebuilt) return problem(place, rebuilt.error().detail);
      found = *rebuilt;
    }
    if (found->base_offset > entry.base_offset) return;  // removed
    if (found->base_offset != entry.base_offset || found->file_at != cursor.at ||
        !same_commit(*found, entry))
      problem(fmt::format("{} entry {}", segment->index_path(), cursor.ordinal),
              "does not go with the order log and the entry before", true);
    check_batch(cursor,
                {segment, found->base_offset, found->file_at, found->batch_bytes, std::nullopt},
                entry.record_count, place);
    step(cursor, std::uint64_t{found->file_at} + found->batch_bytes);
  }

  static bool same_commit(const BatchEntry& found, const OrderEntry& entry) {
    return found.position == entry.position && found.offset_count == entry.record_count &&
           found.recorded_us == entry.recorded_us;
  }

  static void step(Cursor& cursor, std::uint64_t at) {
    cursor.at = at;
    ++cursor.ordinal;
  }

  // Order entries are missing: go on where they begin again.
  static void skip_to(Cursor& cursor, const OrderEntry& entry) {
    const auto segments = cursor.partition->segments();
    while (cursor.segment + 1 < segments->size() &&
           (*segments)[cursor.segment + 1]->base() <= entry.base_offset) {
      ++cursor.segment;
    }
    const BatchIndex& index = (*segments)[cursor.segment]->index();
    cursor.next = entry.base_offset;
    cursor.at = entry.file_at;
    cursor.ordinal = 0;
    cursor.block_index = UINT64_MAX;
    if (index.count() == 0) return;
    const auto ordinal = index.find_at_or_after(entry.base_offset);
    if (!ordinal || *ordinal == index.count()) return;
    cursor.ordinal = *ordinal;
    if (const auto found = index.entry(*ordinal)) cursor.at = found->file_at;
  }

  void enter_segment(Cursor& cursor, const Partition::SegmentList& segments, Offset offset) {
    while (cursor.segment + 1 < segments.size() && segments[cursor.segment + 1]->base() <= offset) {
      const Segment& left = *segments[cursor.segment];
      if (!lost_order_ && cursor.at != left.published_bytes())
        problem(fmt::format("{} byte {}", left.path(), cursor.at),
                "the order log does not name what follows");
      ++cursor.segment;
      cursor.ordinal = 0;
      cursor.at = 0;
      cursor.block_index = UINT64_MAX;
    }
  }

  // Below the log start, in a segment that holds more, nothing is served any longer.
  void check_batch(const Cursor& cursor, const StoredBatch& batch, std::uint32_t record_count,
                   const std::string& place) {
    ++report_.batch_count;
    if (batch.base_offset >= cursor.partition->log_start()) {
      buffer_.resize(batch.batch_bytes);
      const auto read = cursor.partition->read_batch(batch, buffer_);
      if (!read) return problem(place, read.error().detail);
      const auto header = parse_batch_header(buffer_);
      record_count = static_cast<std::uint32_t>(header->record_count);
    }
    report_.record_count += record_count;
  }

  // Of the block as it stands on disk; nullopt if that is damaged, which is said once.
  std::optional<BatchEntry> index_entry(Cursor& cursor, const Segment& segment) {
    const BatchIndex& index = segment.index();
    const std::uint64_t block = cursor.ordinal / index.entries_per_block();
    if (block != cursor.block_index) {
      cursor.block = index.raw_block(block);
      cursor.block_index = block;
      if (!cursor.block) problem(segment.index_path(), cursor.block.error().detail, true);
    }
    if (!cursor.block) return std::nullopt;
    const auto slot = static_cast<std::uint32_t>(cursor.ordinal % index.entries_per_block());
    if (slot < cursor.block->count()) return index.decode(cursor.block->entry(slot));
    problem(fmt::format("{} entry {}", segment.index_path(), cursor.ordinal), "missing", true);
    return std::nullopt;
  }

  void check_finished(const Cursor& cursor) {
    if (!lost_order_ && cursor.next != cursor.partition->end()) {
      problem(cursor.name, fmt::format("the order log ends at offset {}, the checkpoint at {}",
                                       cursor.next.raw(), cursor.partition->end().raw()));
    }
  }

  // What came after the checkpoint is still in the journal, whole, and will be replayed from there.
  Result<void> check_journal() {
    auto journal = Journal::open(env_, folder_ + "/journal", parts_.id, true);
    if (!journal) {
      problem(folder_ + "/journal", journal.error().detail);
      return {};
    }
    Position next = image_.end;
    const auto end =
        (*journal)->scan(image_.replay_from, [&](const ScannedEntry& scanned) -> Result<void> {
          ++report_.journal_entry_count;
          for (const std::size_t i : scanned.damaged_parts) {
            const JournalPart& part = scanned.entry.parts[i];
            problem(
                fmt::format("{}/journal entry {}", folder_, scanned.entry.header.place.sequence),
                fmt::format("the batch at offset {} of {} is damaged", part.base_offset.raw(),
                            part.partition.text()));
          }
          for (const JournalPart& part : scanned.entry.parts) {
            if (part.kind != PartKind::kBatch) continue;
            if (part.position != next)
              problem(folder_ + "/journal", fmt::format("position {} is missing", next.raw()));
            next = part.position.next(part.record_count);
          }
          return {};
        });
    if (!end && end.error().code != Code::kCorrupt) return std::unexpected(end.error());
    if (!end) problem(folder_ + "/journal", end.error().detail);
    return {};
  }

  Env& env_;
  std::string folder_;
  const VerifyProgress& progress_;
  StoreParts parts_;
  StoreImage image_;
  std::map<TopicPartition, Cursor> cursors_;
  VerifyReport report_;
  std::int64_t total_ = 0;
  bool lost_order_ = false;
  Bytes buffer_;
};

}  // namespace

Result<VerifyReport> verify_store(Env& env, const std::string& folder,
                                  const VerifyProgress& progress) {
  STELE_TRY(const FolderKind kind, look_at_folder(env, folder));
  if (kind != FolderKind::kStore) return fail(Code::kNotFound, "{} holds no store", folder);
  STELE_TRY(const auto lock, env.lock(folder));
  auto identity = read_identity(env, folder);
  if (!identity && identity.error().code == Code::kCorrupt) {
    VerifyReport report;
    report.problem_count = 1;
    report.problems.push_back({folder + "/STELE", identity.error().detail});
    return report;
  }
  if (!identity) return std::unexpected(identity.error());
  return Verifier(env, folder, *identity, progress).run();
}

}  // namespace stele::log
