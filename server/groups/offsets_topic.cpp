#include "server/groups/offsets_topic.h"

#include <algorithm>
#include <memory>
#include <string>

#include "log/base/fail.h"
#include "log/format/record_batch.h"
#include "log/format/records.h"
#include "server/groups/group_partition.h"

namespace stele::groups {

namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::size_t kBatchUnpackedMax = 64 << 20;
constexpr std::size_t kTombstonesPerBatch = 5'000;
constexpr const char* kSegmentBytes = "104857600";  // Kafka's offsets.topic.segment.bytes

}  // namespace

OffsetsTopic::OffsetsTopic(log::Store& store, Env& env, server::TimerQueue& timers,
                           std::int32_t partition_count)
    : store_(store),
      env_(env),
      timers_(timers),
      partitions_wanted_(partition_count),
      topic_(store.find_topic(kOffsetsTopicName)) {}

std::int32_t OffsetsTopic::partition_count() const {
  return topic_ ? topic_->partition_count : partitions_wanted_;
}

std::int32_t OffsetsTopic::partition_of(std::string_view group) const {
  return partition_of_group(group, partition_count());
}

log::TopicSpec OffsetsTopic::spec() const {
  log::TopicSpec spec{.name = std::string(kOffsetsTopicName),
                      .partition_count = partitions_wanted_,
                      .settings = {{"cleanup.policy", "compact"}, {"segment.bytes", kSegmentBytes}},
                      .internal = true};
  return spec;
}

void OffsetsTopic::make(Done done) {
  if (topic_) return done({});
  waiting_.push_back(std::move(done));
  if (std::exchange(making_, true)) return;
  store_.create_topic_async(spec(),
                            [this, alive = std::weak_ptr(alive_)](Result<log::TopicPtr> made) {
                              if (!alive.expired()) finish_making(std::move(made));
                            });
}

void OffsetsTopic::finish_making(Result<log::TopicPtr> made) {
  making_ = false;
  topic_ = made ? *made : store_.find_topic(kOffsetsTopicName);
  for (Done& done : std::exchange(waiting_, {})) {
    if (topic_) {
      done({});
    } else {
      done(std::unexpected(made.error()));
    }
  }
}

Result<Bytes> OffsetsTopic::batch_of(std::span<const GroupRecord> records) {
  const std::int64_t now_ms = env_.wall_us() / 1000;
  for (const GroupRecord& record : records) {
    NewRecord added{.key = ByteView(record.key), .timestamp_ms = now_ms};
    if (record.value) added.value = ByteView(*record.value);
    STELE_DO(builder_.add(added));
  }
  return builder_.finish();
}

/// Later, so that nobody is answered inside the call that asks.
void OffsetsTopic::refuse(Error error, Appended done) {
  timers_.add(env_.now(), [error = std::move(error), done = std::move(done)]() mutable {
    done(std::unexpected(std::move(error)));
  });
}

void OffsetsTopic::append(std::string_view group, std::span<const GroupRecord> records,
                          Appended done) {
  if (!topic_) return refuse({Code::kNotFound, "the topic is not made yet"}, std::move(done));
  Result<Bytes> built = batch_of(records);
  if (!built) return refuse(built.error(), std::move(done));
  auto batch = std::make_shared<const Bytes>(*std::move(built));
  const std::int64_t timestamp_ms = parse_batch_header(*batch)->max_timestamp_ms;
  log::AppendRequest request;
  request.batches.push_back({.to = {topic_->id, partition_of(group)},
                             .batch = ByteView(*batch),
                             .min_timestamp_ms = timestamp_ms,
                             .max_timestamp_ms = timestamp_ms});
  request.owner = batch;
  store_.submit(std::move(request), [this, alive = std::weak_ptr(alive_), done = std::move(done)](
                                        Result<log::AppendOutcome> outcome) mutable {
    if (alive.expired()) return;
    // A refusal may come inside submit().
    if (!outcome) return refuse(outcome.error(), std::move(done));
    done(outcome->front().base_offset);
  });
}

void OffsetsTopic::append_tombstones(std::string_view group, std::vector<GroupRecord> records,
                                     Appended done) {
  const std::size_t count = std::min(records.size(), kTombstonesPerBatch);
  const std::span first = std::span(records).first(count);
  if (count == records.size()) return append(group, first, std::move(done));
  std::vector<GroupRecord> rest(std::make_move_iterator(records.begin() + kTombstonesPerBatch),
                                std::make_move_iterator(records.end()));
  append(group, first,
         [this, name = std::string(group), rest = std::move(rest),
          done = std::move(done)](Result<Offset> appended) mutable {
           if (!appended) return done(std::move(appended));
           append_tombstones(name, std::move(rest), std::move(done));
         });
}

Result<void> OffsetsTopic::read(std::int32_t partition, const Visitor& visit) {
  if (!topic_) return {};
  const TopicPartition from{topic_->id, partition};
  STELE_TRY(const log::PartitionEnds ends, store_.ends(from));
  Bytes buffer;
  for (Offset at = ends.log_start; at < ends.end;) {
    if (buffer.empty()) buffer.resize(kReadBytes);
    STELE_TRY(const log::ReadOutcome read, store_.read(from, at, buffer));
    if (read.bytes == 0) {
      if (read.needed <= buffer.size()) break;
      buffer.resize(read.needed);
      continue;
    }
    for (ByteView batches = ByteView(buffer).first(read.bytes); !batches.empty();) {
      STELE_TRY(const BatchHeader header, parse_batch_header(batches));
      const auto size = static_cast<std::size_t>(header.batch_bytes);
      STELE_DO(visit_batch(batches.first(size), visit));
      batches = batches.subspan(size);
    }
    at = read.next;
  }
  return {};
}

Result<void> OffsetsTopic::visit_batch(ByteView batch, const Visitor& visit) {
  STELE_TRY(const BatchHeader header, parse_batch_header(batch));
  if (header.control()) return {};
  STELE_TRY(const ByteView section,
            decompressor_.decompress(static_cast<Codec>(header.codec_id()),
                                     batch.subspan(kBatchHeaderBytes), kBatchUnpackedMax));
  RecordReader reader(header, section);
  while (reader.next()) {
    const RecordView& record = reader.record();
    if (!record.key) continue;
    visit(header.base_offset.next(record.offset_delta), *record.key, record.value);
  }
  return reader.finish();
}

}  // namespace stele::groups
