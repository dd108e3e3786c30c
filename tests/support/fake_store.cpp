#include "tests/support/fake_store.h"

#include <algorithm>
#include <utility>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/batch_builder.h"
#include "log/format/record_batch.h"

namespace stele::test {

namespace {

bool is_legal_name(std::string_view name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
         std::string_view::npos;
}

BatchHeader header_of(const Bytes& batch) {
  return parse_batch_header(batch).value();
}

}  // namespace

FakeStore::FakeStore() = default;
FakeStore::~FakeStore() = default;

Uuid FakeStore::id() const {
  return Uuid::from_random(1, 2);
}

FakeStore::Partition* FakeStore::find(const TopicPartition& id) {
  const auto at = partitions_.find(id);
  return at == partitions_.end() ? nullptr : &at->second;
}
const FakeStore::Partition* FakeStore::find(const TopicPartition& id) const {
  const auto at = partitions_.find(id);
  return at == partitions_.end() ? nullptr : &at->second;
}

Result<log::TopicPtr> FakeStore::create_topic(const log::TopicSpec& spec) {
  if (!is_legal_name(spec.name)) return fail(Code::kInvalid, "topic name {}", spec.name);
  if (find_topic(spec.name)) return fail(Code::kAlreadyExists, "topic {} exists", spec.name);
  if (spec.partition_count < 1) return fail(Code::kInvalid, "partitions {}", spec.partition_count);
  STELE_TRY(const log::TopicConfig config, log::TopicConfig::parse(spec.settings));
  auto topic = std::make_shared<log::TopicInfo>();
  topic->name = spec.name;
  topic->id = Uuid::from_random(next_topic_++, 7);
  topic->partition_count = spec.partition_count;
  topic->settings = spec.settings;
  topic->config = config;
  topic->internal = spec.internal || spec.name.starts_with("__");
  topics_[topic->id] = topic;
  for (std::int32_t i = 0; i < spec.partition_count; ++i) partitions_[{topic->id, i}] = {};
  return topic;
}

Result<void> FakeStore::delete_topic(const Uuid& topic) {
  const auto found = find_topic(topic);
  if (!found) return fail(Code::kNotFound, "no such topic");
  for (std::int32_t i = 0; i < found->partition_count; ++i) partitions_.erase({topic, i});
  topics_.erase(topic);
  return {};
}

Result<log::TopicPtr> FakeStore::configure_topic(const Uuid& topic,
                                                 const log::TopicSettings& settings) {
  const auto found = find_topic(topic);
  if (!found) return fail(Code::kNotFound, "no such topic");
  auto changed = std::make_shared<log::TopicInfo>(*found);
  STELE_TRY(changed->config, log::TopicConfig::parse(settings));
  changed->settings = settings;
  topics_[topic] = changed;
  return changed;
}

log::TopicPtr FakeStore::find_topic(std::string_view name) const {
  for (const auto& [id, topic] : topics_) {
    if (topic->name == name) return topic;
  }
  return nullptr;
}
log::TopicPtr FakeStore::find_topic(const Uuid& id) const {
  const auto at = topics_.find(id);
  return at == topics_.end() ? nullptr : at->second;
}

std::vector<log::TopicPtr> FakeStore::topics() const {
  std::vector<log::TopicPtr> all;
  for (const auto& [id, topic] : topics_) all.push_back(topic);
  std::ranges::sort(all, {}, [](const log::TopicPtr& topic) { return topic->name; });
  return all;
}

Result<log::TopicPtr> FakeStore::add_partitions(const Uuid& topic, std::int32_t partition_count) {
  const auto found = find_topic(topic);
  if (!found) return fail(Code::kNotFound, "no such topic");
  if (partition_count <= found->partition_count)
    return fail(Code::kInvalid, "it has {} partitions already", found->partition_count);
  auto changed = std::make_shared<log::TopicInfo>(*found);
  changed->partition_count = partition_count;
  for (std::int32_t i = found->partition_count; i < partition_count; ++i)
    partitions_[{topic, i}] = {};
  topics_[topic] = changed;
  return changed;
}

template <class Work, class WorkDone>
void FakeStore::answer_later(Work work, WorkDone done) {
  queue_.push_back([this, work = std::move(work), done = std::move(done)]() mutable {
    if (append_failure_) return done(fail(*append_failure_, "as the test wants"));
    done(work());
  });
}

void FakeStore::create_topic_async(log::TopicSpec spec, log::TopicDone done) {
  answer_later([this, spec = std::move(spec)] { return create_topic(spec); }, std::move(done));
}

void FakeStore::delete_topic_async(const Uuid& topic, Done done) {
  answer_later([this, topic] { return delete_topic(topic); }, std::move(done));
}

void FakeStore::configure_topic_async(const Uuid& topic, log::TopicSettings settings,
                                      log::TopicDone done) {
  answer_later(
      [this, topic, settings = std::move(settings)] { return configure_topic(topic, settings); },
      std::move(done));
}

void FakeStore::add_partitions_async(const Uuid& topic, std::int32_t partition_count,
                                     log::TopicDone done) {
  answer_later([this, topic, partition_count] { return add_partitions(topic, partition_count); },
               std::move(done));
}

void FakeStore::put_properties_async(log::PropertyChanges changes, Done done) {
  answer_later(
      [this, changes = std::move(changes)]() -> Result<void> {
        for (const auto& [name, value] : changes) {
          if (value) properties_.insert_or_assign(name, *value);
          if (!value) properties_.erase(name);
        }
        return {};
      },
      std::move(done));
}

void FakeStore::delete_records_async(const TopicPartition& partition, Offset before,
                                     std::move_only_function<void(Result<Offset>)> done) {
  answer_later([this, partition, before] { return delete_records(partition, before); },
               std::move(done));
}

void FakeStore::scavenge_async(std::optional<Uuid> topic, log::ScavengeDone done) {
  done(scavenge(topic));
}

Result<log::ScavengeReport> FakeStore::scavenge(std::optional<Uuid> /*topic*/) {
  return log::ScavengeReport{};
}

Result<std::vector<log::ProducerInfo>> FakeStore::producers(const TopicPartition& partition) const {
  if (find(partition) == nullptr) return fail(Code::kNotFound, "no such partition");
  const auto known = producers_.find(partition);
  return known == producers_.end() ? std::vector<log::ProducerInfo>{} : known->second;
}

Result<log::AppendedBatch> FakeStore::append_one(const log::BatchAppend& batch) {
  Partition* partition = find(batch.to);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  Bytes stored(batch.batch.begin(), batch.batch.end());
  stamp_batch(stored, partition->end, epoch_);
  const BatchHeader header = header_of(stored);
  const log::AppendedBatch outcome{partition->end, partition->start, position_, 1, false};
  partition->end = header.next_offset();
  position_ = position_.next(header.record_count);
  partition->batches.push_back(std::move(stored));
  return outcome;
}

Result<log::AppendOutcome> FakeStore::append(log::AppendRequest request) {
  if (append_failure_) return fail(*append_failure_, "as the test wants");
  log::AppendOutcome outcome;
  std::vector<log::PartitionAdvance> moved;
  for (const auto& batch : request.batches) {
    STELE_TRY(auto one, append_one(batch));
    outcome.push_back(one);
    moved.push_back({batch.to, find(batch.to)->end});
  }
  if (listener_) listener_(moved);
  return outcome;
}

Result<log::AppendedBatch> FakeStore::append(std::string_view topic, const log::Event& event) {
  STELE_TRY(auto outcome, append(topic, std::span(&event, 1)));
  return outcome.front();
}

Result<log::AppendOutcome> FakeStore::append(std::string_view topic,
                                             std::span<const log::Event> events) {
  const auto found = find_topic(topic);
  if (!found) return fail(Code::kNotFound, "topic {}", topic);
  BatchBuilder builder;
  for (const log::Event& event : events) {
    NewRecord record{.timestamp_ms = std::max<std::int64_t>(event.timestamp_ms, 1)};
    if (event.key) record.key = as_bytes(*event.key);
    if (event.value) record.value = as_bytes(*event.value);
    STELE_DO(builder.add(record));
  }
  STELE_TRY(const Bytes batch, builder.finish());
  const std::int32_t partition = std::max(events.front().partition, 0);
  return append(log::AppendRequest{{{{found->id, partition}, batch, 0, 0}}, nullptr});
}

void FakeStore::submit(log::AppendRequest request, log::AppendDone done) {
  ++submitted_;
  queue_.push_back([this, request = std::move(request), done = std::move(done)]() mutable {
    done(append(std::move(request)));
  });
}

std::size_t FakeStore::poll() {
  if (held_) return 0;
  std::size_t answered = 0;
  for (std::size_t waiting = queue_.size(); waiting > 0; --waiting) {
    auto task = std::move(queue_.front());
    queue_.pop_front();
    task();
    ++answered;
  }
  return answered;
}

void FakeStore::run_until(const std::function<bool()>& enough) {
  while (!enough() && poll() > 0) {
  }
}

Result<std::int64_t> FakeStore::reserve_producer_ids(std::int32_t count) {
  const std::int64_t first = next_producer_id_;
  next_producer_id_ += count;
  return first;
}

void FakeStore::reserve_producer_ids_async(
    std::int32_t count, std::move_only_function<void(Result<std::int64_t>)> done) {
  answer_later([this, count] { return reserve_producer_ids(count); }, std::move(done));
}

Result<log::PartitionEnds> FakeStore::ends(const TopicPartition& id) const {
  const Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  return log::PartitionEnds{partition->start, partition->end, epoch_};
}

Result<log::ReadOutcome> FakeStore::read(const TopicPartition& id, Offset from,
                                         ByteSpan into) const {
  if (read_failure_) return fail(*read_failure_, "as the test wants");
  const Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  if (from < partition->start || from > partition->end) {
    return fail(Code::kOutOfRange, "offset {}", from.raw());
  }
  log::ReadOutcome outcome{.next = from};
  for (const Bytes& batch : partition->batches) {
    const BatchHeader header = header_of(batch);
    if (header.next_offset() <= from) continue;
    if (outcome.bytes + batch.size() > into.size()) {
      if (outcome.bytes == 0) outcome.needed = batch.size();
      break;
    }
    std::ranges::copy(batch, into.begin() + static_cast<std::ptrdiff_t>(outcome.bytes));
    outcome.bytes += batch.size();
    outcome.next = header.next_offset();
  }
  return outcome;
}

Result<std::optional<log::TimedOffset>> FakeStore::find_time(const TopicPartition& id,
                                                             std::int64_t timestamp_ms) const {
  const Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  for (const Bytes& batch : partition->batches) {
    const BatchHeader header = header_of(batch);
    if (header.max_timestamp_ms < timestamp_ms) continue;
    return log::TimedOffset{header.base_offset, header.max_timestamp_ms, header.leader_epoch};
  }
  return std::nullopt;
}

Result<std::optional<log::TimedOffset>> FakeStore::find_latest_time(
    const TopicPartition& id) const {
  const Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  std::optional<log::TimedOffset> latest;
  for (const Bytes& batch : partition->batches) {
    const BatchHeader header = header_of(batch);
    if (latest && latest->timestamp_ms >= header.max_timestamp_ms) continue;
    latest = {header.base_offset, header.max_timestamp_ms, header.leader_epoch};
  }
  return latest;
}

Result<log::OrderedRead> FakeStore::read_all(Position, std::size_t) const {
  return fail(Code::kUnsupported, "the fake store has no order");
}

bool FakeStore::wait_for(const TopicPartition& id, Offset offset, std::chrono::nanoseconds) const {
  const Partition* partition = find(id);
  return partition != nullptr && partition->end > offset;
}

void FakeStore::on_advance(std::function<void(std::span<const log::PartitionAdvance>)> listener) {
  listener_ = std::move(listener);
}

Result<Offset> FakeStore::delete_records(const TopicPartition& id, Offset before) {
  Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  partition->start = std::max(partition->start, before);
  return partition->start;
}

log::StoreStats FakeStore::stats() const {
  log::StoreStats stats;
  stats.state = state_;
  stats.topic_count = static_cast<std::int64_t>(topics_.size());
  stats.partition_count = static_cast<std::int64_t>(partitions_.size());
  return stats;
}

Result<std::int64_t> FakeStore::size_bytes(const TopicPartition& id) const {
  const Partition* partition = find(id);
  if (partition == nullptr) return fail(Code::kNotFound, "no such partition");
  std::int64_t total = 0;
  for (const Bytes& batch : partition->batches) total += static_cast<std::int64_t>(batch.size());
  return total;
}

Result<void> FakeStore::close() {
  while (poll() > 0) {
  }
  state_ = log::StoreState::kClosed;
  return {};
}

Env& FakeStore::env() const {
  STELE_CHECK(false);
  std::unreachable();
}

Result<log::OrderedRead> FakeStore::read_topic(const Uuid& /*topic*/, Position /*from*/,
                                               std::size_t /*bytes_max*/) const {
  return fail(Code::kUnsupported, "the fake store has no order");
}

Result<log::OrderedRead> FakeStore::read_batch_at(Position /*position*/) const {
  return fail(Code::kUnsupported, "the fake store has no order");
}

Result<std::optional<Position>> FakeStore::first_match(const log::ConditionItem& /*item*/,
                                                       Position /*from*/,
                                                       Position /*below*/) const {
  return fail(Code::kUnsupported, "the fake store has no index");
}

Result<Position> FakeStore::find_recorded(std::int64_t /*recorded_us*/) const {
  return fail(Code::kUnsupported, "the fake store has no order");
}

bool FakeStore::wait_for(Position position, std::chrono::nanoseconds /*longest*/) const {
  return position_ > position;
}

namespace {

/// Makes terms, and finds none.
class EmptyIndex final : public log::TermIndex {
public:
  [[nodiscard]] const log::TermHasher& hasher() const override { return hasher_; }
  [[nodiscard]] Position indexed_to() const override { return {}; }
  void add(const log::BatchTerms& /*terms*/, Position /*first*/,
           std::int32_t /*partition*/) override {}
  void advance(Position /*end*/) override {}
  void upkeep(Position /*durable*/, Position /*ids_wanted_from*/) override {}
  Result<void> flush(Position /*durable*/) override { return {}; }
  [[nodiscard]] bool overloaded() const override { return false; }
  [[nodiscard]] bool lagging() const override { return false; }
  [[nodiscard]] bool running() const override { return false; }
  void stop() override {}
  [[nodiscard]] Result<std::optional<log::TermHead>> head(
      const log::TermView& /*term*/) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool certainly_none_from(const log::TermView& /*term*/,
                                         Position /*from*/) const override {
    return true;
  }
  [[nodiscard]] Result<std::unique_ptr<log::PostingReader>> postings(
      const log::TermView& /*term*/) const override {
    return fail(Code::kUnsupported, "the fake store has no index");
  }
  Result<void> for_each(log::TermKind /*kind*/, const Uuid& /*topic*/,
                        const std::function<bool(const log::TermView&,
                                                 const log::TermHead&)>& /*each*/) const override {
    return {};
  }
  [[nodiscard]] log::TermIndexStats stats() const override { return {}; }

private:
  log::TermHasher hasher_{0};
};

}  // namespace

const log::TermIndex& FakeStore::index() const {
  static const EmptyIndex index;
  return index;
}

log::StreamRules FakeStore::stream_rules(const Uuid& /*topic*/, ByteView /*key*/) const {
  return {};
}

void FakeStore::put_stream_rules_async(const Uuid& /*topic*/, ByteView /*key*/,
                                       log::StreamRules /*rules*/,
                                       log::ExpectedVersion /*expected*/, Done done) {
  done(fail(Code::kUnsupported, "the fake store has no streams"));
}

}  // namespace stele::test
