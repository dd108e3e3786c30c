#include "log/store/core.h"

#include <algorithm>
#include <tuple>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {
namespace {

// A segment write takes its pieces from the journal entry's body: neighbours there become one
// piece.
void add_piece(std::vector<ByteView>& pieces, ByteView piece) {
  if (!pieces.empty() && pieces.back().data() + pieces.back().size() == piece.data()) {
    pieces.back() = {pieces.back().data(), pieces.back().size() + piece.size()};
  } else {
    pieces.push_back(piece);
  }
}

}  // namespace

StoreParts::StoreParts(Env& e, std::string data_folder, StoreOptions store_options,
                       const Uuid& store, bool read_only)
    : env(e),
      folder(std::move(data_folder)),
      options(store_options),
      id(store),
      files(e, static_cast<std::size_t>(options.open_file_count_max), read_only),
      order(files, folder + "/order", store),
      sequencer(order, options) {}

std::uint64_t StoreParts::seed() const {
  return mix_seed(id.high(), id.low());
}

std::string StoreParts::topic_folder(const Uuid& topic) const {
  return fmt::format("{}/topics/{}", folder, topic.text());
}

std::string StoreParts::partition_folder(const TopicPartition& partition) const {
  return fmt::format("{}/{}", topic_folder(partition.topic), partition.partition);
}

TopicEntry StoreParts::make_topic(TopicPtr info) {
  TopicEntry topic{std::move(info), {}};
  add_partitions(topic);
  return topic;
}

void StoreParts::add_partitions(TopicEntry& topic) {
  while (std::cmp_less(topic.partitions.size(), topic.info->partition_count)) {
    PartitionImage image;
    image.id = {topic.info->id, static_cast<std::int32_t>(topic.partitions.size())};
    topic.partitions.push_back(std::make_shared<Partition>(files, order, partition_folder(image.id),
                                                           seed(), std::move(image)));
  }
}

Core::Core(std::unique_ptr<StoreParts> parts)
    : parts_(std::move(parts)),
      end_(parts_->sequencer.end().raw()),
      compactor_(*parts_, [this](Operation operation) { queue_.push_back(std::move(operation)); }),
      trimmer_(*parts_, [this](Operation operation) { queue_.push_back(std::move(operation)); }) {
  stats_.producer_count = static_cast<std::int64_t>(parts_->sequencer.producer_count());
  last_commit_ = parts_->env.now();
  update_gauges();
}

void Core::accept(std::deque<Operation>&& operations) {
  for (Operation& operation : operations) queue(std::move(operation));
}

void Core::queue(Operation operation) {
  if (operation.trims.empty() || operation.counted) {
    queue_.push_back(std::move(operation));
  } else {
    trimmer_.accept(std::move(operation));
  }
}

void Core::stop_background() {
  compactor_.stop();
  trimmer_.stop();
  parts_->index->stop();
}

std::size_t Core::run() {
  answered_ = 0;
  parts_->env.poll();
  if (!flushing_ && !queue_.empty() && !parts_->index->lagging()) {
    start_group();
    parts_->env.poll();  // an inline flush is done already
  }
  return answered_;
}

std::size_t Core::wait(std::chrono::nanoseconds longest) {
  answered_ = 0;
  parts_->env.wait(longest);
  return answered_;
}

namespace {

bool tells_of_events(Code code) {
  return code == Code::kWrongVersion || code == Code::kConditionFailed ||
         code == Code::kTombstoned || code == Code::kAlreadyExists;
}

}  // namespace

void Core::refuse(Operation operation, Error error) {
  ++stats_.refused_appends;
  ++answered_;
  if (operation.done) operation.done(std::unexpected(std::move(error)));
}

std::string Core::stopped_because() const {
  const std::scoped_lock lock(stopped_mutex_);
  return stopped_because_;
}

void Core::stop(const Error& because) {
  if (state() != StoreState::kOpen) return;
  {
    const std::scoped_lock lock(stopped_mutex_);
    stopped_because_ = because.text();
  }
  state_.store(StoreState::kStopped, std::memory_order_release);
  compactor_.stop();
  trimmer_.stop();
  parts_->env.report(Severity::kError, fmt::format("store_stopped folder={} reason=\"{}\"",
                                                   parts_->folder, because.text()));
  for (Operation& operation : std::exchange(queue_, {})) {
    queued_bytes_ -= operation.body_bytes();
    refuse(std::move(operation), {Code::kClosed, "the store has stopped: " + because.text()});
  }
}

// Fills the group from the queue. False: the next operation finds no room in the journal.
bool Core::gather(CommitGroup& group) {
  const std::uint64_t bytes_max =
      std::min(parts_->options.group_bytes_max, parts_->journal->capacity_bytes() / 4);
  while (!queue_.empty()) {
    Operation& operation = queue_.front();
    const std::uint64_t total =
        entry_bytes(group.parts.size(), group.body_bytes + operation.journal_bytes());
    if (!group.empty() && total > bytes_max) return true;
    if (!parts_->journal->fits(total)) return !group.empty();
    Operation taken = std::move(operation);
    queue_.pop_front();
    queued_bytes_ -= taken.body_bytes();
    auto added = parts_->sequencer.add(taken, group);
    if (added) continue;
    // A refusal tells of events that may stand in this very group: it waits until they are durable.
    if (tells_of_events(added.error().code)) {
      group.operations.push_back({std::move(taken), {}, std::move(added).error()});
    } else {
      refuse(std::move(taken), std::move(added).error());
    }
  }
  return true;
}

void Core::start_group() {
  if (state() != StoreState::kOpen) {
    for (Operation& operation : std::exchange(queue_, {})) {
      queued_bytes_ -= operation.body_bytes();
      refuse(std::move(operation), {Code::kClosed, "the store is closed"});
    }
    return;
  }
  group_ = {};
  group_.recorded_us = std::max(parts_->recorded_us, parts_->env.wall_us());
  group_.first_position = parts_->sequencer.end();
  if (!gather(group_)) {
    handle_stall(queue_.front().journal_bytes());
    return;
  }
  if (group_.parts.empty()) {
    answer();
    return;
  }
  parts_->recorded_us = group_.recorded_us;
  build_entry();
  write_entry();
}

// The journal is full until a checkpoint lets go of its older part.
void Core::handle_stall(std::uint64_t wanted_bytes) {
  Checkpointer& checkpointer = *parts_->checkpointer;
  if (checkpointer.running()) return;
  if (checkpointer.failure()) {
    const Error error{
        checkpointer.failure()->code,
        "the journal is full and no checkpoint can be made: " + checkpointer.failure()->detail};
    for (Operation& operation : std::exchange(queue_, {})) {
      queued_bytes_ -= operation.body_bytes();
      refuse(std::move(operation), error);
    }
  } else if (entry_bytes(1, wanted_bytes) * 2 >= parts_->journal->capacity_bytes()) {
    Operation operation = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= operation.body_bytes();
    refuse(std::move(operation),
           {Code::kTooLarge, fmt::format("an append of {} bytes is too large for a journal of {}",
                                         wanted_bytes, parts_->journal->capacity_bytes())});
  }
  begin_checkpoint();
}

void Core::build_entry() {
  entry_bytes_ = entry_bytes(group_.parts.size(), group_.body_bytes);
  entry_.resize(entry_bytes_);
  entry_place_ = parts_->journal->place(entry_bytes_);
  EntryHeader header;
  header.place = entry_place_;
  header.durable_before = entry_place_.sequence;
  header.recorded_us = group_.recorded_us;
  header.first_position = group_.first_position;
  header.timeline = parts_->timeline;
  header.part_count = static_cast<std::uint32_t>(group_.parts.size());
  header.body_bytes = group_.body_bytes;
  std::byte* body = entry_.data() + header.body_start();
  std::vector<JournalPart> directory;
  directory.reserve(group_.parts.size());
  for (PlannedPart& planned : group_.parts) {
    directory.push_back(planned.part);
    if (planned.part.kind != PartKind::kBatch) continue;
    const ByteSpan batch(body + planned.part.body_at, planned.source.size());
    std::ranges::copy(planned.source, batch.begin());
    stamp_batch(batch, planned.part.base_offset, parts_->timeline);
    planned.source = batch;
  }
  std::fill(body + group_.body_bytes, entry_.data() + entry_bytes_, std::byte{0});
  entry_checksum_ = encode_entry(entry_.span().first(entry_bytes_), parts_->id, header, directory);
}

void Core::write_entry() {
  flushing_ = true;
  if (planted(Plant::kShowBeforeDurable)) {
    for (const PlannedPart& planned : group_.parts)
      planned.partition->set_end(planned.partition->next_offset());
  }
  parts_->journal->write(entry_.view().first(entry_bytes_), entry_place_,
                         [this](const Result<void>& result) { flushed(result); });
}

void Core::flushed(const Result<void>& result) {
  flushing_ = false;
  if (result) {
    parts_->journal->advance(entry_place_, entry_bytes_, entry_checksum_);
    commit();
    return;
  }
  stop(result.error());
  for (PlannedOperation& planned : std::exchange(group_, {}).operations) {
    refuse(std::move(planned.operation),
           {Code::kOutcomeUnknown, "the journal could not be flushed: " + result.error().detail});
  }
}

void Core::commit() {
  auto written = write_segments();
  if (written) written = publish_parts();
  if (!written) {
    // Durable in the journal, and replayed from it at the next start: but not to be served now.
    stop(written.error());
    for (PlannedOperation& planned : std::exchange(group_, {}).operations) {
      refuse(std::move(planned.operation), {Code::kOutcomeUnknown, written.error().detail});
    }
    return;
  }
  mark_wanted_ = !group_.parts.empty();
  last_commit_ = parts_->env.now();
  end_.store(parts_->sequencer.end().raw(), std::memory_order_release);
  if (group_.parts.empty()) return;
  ++stats_.committed_groups;
  answer();
  checkpoint_if_due();
  parts_->index->upkeep(end(), event_ids_from_);
  update_gauges();
}

Result<void> Core::write_segments() {
  std::vector<std::size_t> by_segment;
  for (std::size_t i = 0; i < group_.parts.size(); ++i) {
    if (group_.parts[i].segment != nullptr) by_segment.push_back(i);
  }
  // By partition, in the order of the group: not by address, so that a simulated run repeats
  // itself.
  const auto key = [&](std::size_t i) {
    const JournalPart& part = group_.parts[i].part;
    return std::tuple(part.partition, part.base_offset);
  };
  std::ranges::sort(by_segment, {}, key);
  std::vector<ByteView> pieces;
  for (std::size_t i = 0; i < by_segment.size();) {
    const PlannedPart& first = group_.parts[by_segment[i]];
    pieces.clear();
    for (; i < by_segment.size() && group_.parts[by_segment[i]].segment == first.segment; ++i) {
      add_piece(pieces, group_.parts[by_segment[i]].source);
    }
    STELE_DO(first.segment->write(pieces, first.part.file_at));
  }
  return {};
}

Result<void> Core::publish_parts() {
  std::vector<PartitionAdvance> advances;
  for (const PlannedPart& planned : group_.parts) {
    const JournalPart& part = planned.part;
    if (part.kind == PartKind::kTrim) {
      apply_trim(planned);
      continue;
    }
    if (part.kind == PartKind::kSwap) {
      apply_swap(planned);
      continue;
    }
    STELE_DO(
        parts_->order.append({part.position, group_.recorded_us, part.partition, part.record_count,
                              part.base_offset, part.batch_bytes, part.batch_crc, part.file_at}));
    const BatchEntry entry{
        part.base_offset,      part.record_count,    static_cast<std::uint32_t>(part.file_at),
        part.batch_bytes,      part.position,        group_.recorded_us,
        part.min_timestamp_ms, part.max_timestamp_ms};
    STELE_DO(planned.partition->publish(planned.segment, entry));
    planned.partition->set_end(entry.next_offset());
    parts_->checkpointer->wrote(planned.partition);
    advances.push_back({part.partition, entry.next_offset()});
    if (part.segment_base == part.base_offset) ++stats_.segments_created;
    stats_.committed_records += part.record_count;
    stats_.committed_bytes += part.batch_bytes;
    ++stats_.committed_batches;
  }
  if (listener_ && !advances.empty()) listener_(advances);
  return {};
}

void Core::answer() {
  for (PlannedOperation& planned : std::exchange(group_, {}).operations) {
    if (planned.refused) {
      refuse(std::move(planned.operation), *std::move(planned.refused));
      continue;
    }
    ++answered_;
    for (const AppendedBatch& batch : planned.outcome)
      stats_.duplicate_batches += batch.duplicate ? 1 : 0;
    if (planned.operation.on_commit) planned.operation.on_commit();
    if (planned.operation.done) planned.operation.done(std::move(planned.outcome));
  }
}

}  // namespace stele::log
