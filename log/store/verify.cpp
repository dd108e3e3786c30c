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
    enter_segment(cursor, *segments);
    const std::string place =
        fmt::format("{} offset {} ({} byte {})", cursor.name, entry.base_offset.raw(),
                    (*segments)[cursor.segment]->path(), entry.file_at);
    if (entry.base_offset != cursor.next || entry.file_at != cursor.at) {
      problem(place, fmt::format("the order log should name offset {} at byte {}",
                                 cursor.next.raw(), cursor.at));
    }
    check_batch(cursor, entry, place);
    check_index(cursor, entry, *(*segments)[cursor.segment]);
    cursor.next = entry.base_offset.next(entry.record_count);
    cursor.at = entry.file_at + entry.batch_bytes;
    ++cursor.ordinal;
    ++report_.batch_count;
    report_.record_count += entry.record_count;
    if (progress_ && report_.batch_count % kProgressEvery == 0)
      progress_(report_.batch_count, total_);
  }

  // Order entries are missing: go on where they begin again.
  static void skip_to(Cursor& cursor, const OrderEntry& entry) {
    const auto segments = cursor.partition->segments();
    while (cursor.segment + 1 < segments->size() &&
           (*segments)[cursor.segment + 1]->base() <= entry.base_offset) {
      ++cursor.segment;
    }
    const auto known = (*segments)[cursor.segment]->index().find_offset(entry.base_offset);
    cursor.next = entry.base_offset;
    cursor.at = entry.file_at;
    cursor.ordinal = 0;
    cursor.block_index = UINT64_MAX;
    if (!known) return;
    while (cursor.ordinal < (*segments)[cursor.segment]->index().count()) {
      const auto one = (*segments)[cursor.segment]->index().entry(cursor.ordinal);
      if (one && one->base_offset == entry.base_offset) return;
      ++cursor.ordinal;
    }
  }

  static void enter_segment(Cursor& cursor, const Partition::SegmentList& segments) {
    if (cursor.segment + 1 >= segments.size() ||
        cursor.at < segments[cursor.segment]->published_bytes())
      return;
    ++cursor.segment;
    cursor.ordinal = 0;
    cursor.at = 0;
    cursor.block_index = UINT64_MAX;
  }

  void check_batch(const Cursor& cursor, const OrderEntry& entry, const std::string& place) {
    if (entry.base_offset < cursor.partition->log_start() &&
        entry.base_offset.next(entry.record_count) <= cursor.partition->log_start()) {
      return;  // below the log start, in a segment that holds more: not served any longer
    }
    buffer_.resize(entry.batch_bytes);
    const Offset from = std::max(entry.base_offset, cursor.partition->log_start());
    const auto read = from == entry.base_offset
                          ? cursor.partition->read_batch(entry.base_offset, entry.file_at,
                                                         entry.batch_crc, buffer_)
                          : Result<void>{};
    if (!read) problem(place, read.error().detail);
  }

  void check_index(Cursor& cursor, const OrderEntry& entry, const Segment& segment) {
    const BatchIndex& index = segment.index();
    const std::uint64_t block = cursor.ordinal / index.entries_per_block();
    if (block != cursor.block_index) {
      cursor.block = index.raw_block(block);
      cursor.block_index = block;
      if (!cursor.block) problem(segment.index_path(), cursor.block.error().detail, true);
    }
    if (!cursor.block) return;
    const auto slot = static_cast<std::uint32_t>(cursor.ordinal % index.entries_per_block());
    const std::string place = fmt::format("{} entry {}", segment.index_path(), cursor.ordinal);
    if (slot >= cursor.block->count()) return problem(place, "missing", true);
    const BatchEntry found = index.decode(cursor.block->entry(slot));
    if (found.base_offset != entry.base_offset || found.position != entry.position ||
        found.file_at != entry.file_at || found.batch_bytes != entry.batch_bytes ||
        found.record_count != entry.record_count || found.recorded_us != entry.recorded_us) {
      problem(place, "differs from the order log", true);
    }
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
