#include "tests/crash/oracle.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/format/record_batch.h"
#include "tests/crash/compacted.h"
#include "tests/support/sim_random.h"

namespace stele::crash {
namespace {

constexpr std::size_t kReadBytes = 24 << 10;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kCompareFrom = 16;

// Equal but for what the broker stamps: base offset and leader epoch.
Result<void> same_batch(ByteView found, const ExpectedBatch& expected) {
  const ByteView sent = *expected.batch->bytes;
  if (found.size() != sent.size() ||
      load_be<std::int64_t>(found.data()) != expected.base_offset.raw() ||
      load_be<std::int32_t>(found.data() + kLeaderEpochAt) != 0 ||
      !std::ranges::equal(found.subspan(kCompareFrom), sent.subspan(kCompareFrom))) {
    return fail(kBroken, "operation {} at position {}: other bytes than were appended",
                expected.asked, expected.position.raw());
  }
  return {};
}

class Judge {
public:
  Judge(const log::Store& store, History& history, std::uint64_t seed)
      : store_(store), history_(history), random_(seed) {}

  Result<void> run() {
    STELE_TRY(const std::size_t prefix, history_.prefix(store_.end()));
    expected_ = expected_after(history_, prefix);
    STELE_DO(check_topics());
    for (const auto& [place, partition] : expected_.partitions) {
      if (is_live(place.topic)) STELE_DO(check_partition(place, partition));
    }
    STELE_DO(check_order());
    history_.settle(prefix);
    return {};
  }

private:
  [[nodiscard]] bool is_live(std::size_t topic) const {
    return std::ranges::any_of(expected_.topics,
                               [&](const auto& one) { return one.second.first == topic; });
  }

public:
  Result<std::size_t> run_damaged() {
    damaged_ = true;
    STELE_TRY(const std::size_t prefix, history_.prefix(store_.end()));
    expected_ = expected_after(history_, prefix);
    STELE_DO(check_topics());
    for (const auto& [place, partition] : expected_.partitions) {
      if (is_live(place.topic)) STELE_DO(check_each(place, partition));
    }
    for (const ExpectedBatch& one : expected_.order) {
      const auto read = store_.read_all(one.position, 1);
      if (refused(read)) continue;
      if (!read) return std::unexpected(read.error());
      if (read->batches.empty()) return fail(kBroken, "no batch at {}", one.position.raw());
      STELE_DO(check_ordered(read->batches.front(), one));
    }
    return refused_;
  }

private:
  template <class T>
  bool refused(const Result<T>& result) {
    const bool corrupt = !result && result.error().code == Code::kCorrupt;
    refused_ += corrupt ? 1 : 0;
    return corrupt;
  }

  Result<void> check_each(const Place& place, const ExpectedPartition& expected) {
    const TopicPartition id{*history_.topics[place.topic].id, place.partition};
    STELE_TRY(const log::PartitionEnds ends, store_.ends(id));
    if (ends.end != expected.end || ends.log_start < expected.trimmed_least ||
        ends.log_start > expected.trimmed_most)
      return fail(kBroken, "partition {} is {} to {}, not to {}", id.text(), ends.log_start.raw(),
                  ends.end.raw(), expected.end.raw());
    if (is_compacted(place.topic)) {
      STELE_TRY(const std::size_t refused, judge_damaged_compacted(store_, id, ends, expected));
      refused_ += refused;
      return {};
    }
    buffer_.resize(kReadBytes);
    for (const ExpectedBatch& one : expected.batches) {
      if (one.base_offset.next(one.batch->record_count) <= ends.log_start) continue;
      const Offset at = std::max(one.base_offset, ends.log_start);
      const auto found = store_.find_time(id, one.batch->timestamp_ms);
      if (!refused(found)) {
        if (!found) return std::unexpected(found.error());
        if (!*found || (*found)->timestamp_ms < one.batch->timestamp_ms || (*found)->offset > at)
          return fail(kBroken, "time {} is found elsewhere", one.batch->timestamp_ms);
      }
      const auto read = store_.read(id, at, ByteSpan(buffer_).first(one.batch->bytes->size()));
      if (refused(read)) continue;
      if (!read) return std::unexpected(read.error());
      if (read->bytes == 0) return fail(kBroken, "nothing read at offset {}", at.raw());
      STELE_DO(same_batch(ByteView(buffer_).first(read->bytes), one));
    }
    return {};
  }

  Result<void> check_topics() {
    std::size_t found = 0;
    for (const log::TopicPtr& topic : store_.topics()) {
      if (topic->internal) continue;
      ++found;
      const auto known = expected_.topics.find(topic->name);
      if (known == expected_.topics.end())
        return fail(kBroken, "topic {} should not be there", topic->name);
      Topic& asked = history_.topics[known->second.first];
      if (!asked.id) asked.id = topic->id;
      if (*asked.id != topic->id || asked.partition_count != topic->partition_count ||
          known->second.second != topic->settings)
        return fail(kBroken, "topic {} is not as it was made", topic->name);
    }
    if (found != expected_.topics.size())
      return fail(kBroken, "{} topics are there, not {}", found, expected_.topics.size());
    return {};
  }

  Result<void> check_partition(const Place& place, const ExpectedPartition& expected) {
    const Topic& topic = history_.topics[place.topic];
    const TopicPartition id{*topic.id, place.partition};
    STELE_TRY(const log::PartitionEnds ends, store_.ends(id));
    if (ends.end != expected.end)
      return fail(kBroken, "{}-{} ends at {}, not {}", topic.name, place.partition, ends.end.raw(),
                  expected.end.raw());
    if (ends.log_start < expected.trimmed_least || ends.log_start > expected.trimmed_most)
      return fail(kBroken, "{}-{} starts at {}, not within {} to {}", topic.name, place.partition,
                  ends.log_start.raw(), expected.trimmed_least.raw(), expected.trimmed_most.raw());
    const auto seen = history_.seen.find(place);
    if (seen != history_.seen.end() &&
        (seen->second.end > ends.end || seen->second.log_start > ends.log_start))
      return fail(kBroken, "{}-{}: readers had seen {} to {}, now it is {} to {}", topic.name,
                  place.partition, seen->second.log_start.raw(), seen->second.end.raw(),
                  ends.log_start.raw(), ends.end.raw());
    history_.seen[place] = {ends.log_start, ends.end};
    if (is_compacted(place.topic)) return check_compacted(place, id, ends, expected);
    STELE_DO(check_read(id, ends, ends.log_start, expected));
    const std::int64_t kept = distance(ends.log_start, ends.end);
    if (kept == 0) return {};
    const auto middle = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(kept)));
    STELE_DO(check_read(id, ends, ends.log_start.next(middle), expected));
    return check_time(id, ends, expected);
  }

  [[nodiscard]] bool is_compacted(std::size_t topic) const {
    const auto& settings = expected_.topics.at(history_.topics[topic].name).second;
    const auto policy = settings.find("cleanup.policy");
    return policy != settings.end() && policy->second.contains("compact");
  }

  Result<void> check_compacted(const Place& place, const TopicPartition& id,
                               const log::PartitionEnds& ends, const ExpectedPartition& expected) {
    const auto& settings = expected_.topics.at(history_.topics[place.topic].name).second;
    STELE_TRY(const auto found, read_compacted(store_, id, ends.log_start));
    STELE_DO(
        judge_compacted(found, expected, ends.log_start, settings.contains("delete.retention.ms")));
    const std::int64_t kept = distance(ends.log_start, ends.end);
    if (kept > 0) {
      const auto middle = ends.log_start.next(
          static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(kept))));
      STELE_TRY(const auto tail, read_compacted(store_, id, middle));
      STELE_DO(judge_tail(tail, found, middle));
      const ExpectedBatch& wanted = expected.batches[random_.below(expected.batches.size())];
      STELE_TRY(const auto time, store_.find_time(id, wanted.batch->timestamp_ms));
      STELE_DO(judge_time(time, found, wanted.batch->timestamp_ms, ends.log_start));
    }
    for (const FoundBatch& one : found) compacted_[{id, one.base_offset}] = one.bytes;
    return {};
  }

  Result<void> check_read(const TopicPartition& id, const log::PartitionEnds& ends, Offset from,
                          const ExpectedPartition& expected) {
    if (from == ends.end) return {};
    buffer_.resize(kReadBytes);
    auto next = std::ranges::upper_bound(expected.batches, from, {}, &ExpectedBatch::base_offset);
    if (next != expected.batches.begin()) --next;
    for (Offset at = from; at < ends.end;) {
      STELE_TRY(const log::ReadOutcome read, store_.read(id, at, buffer_));
      if (read.bytes == 0) return fail(kBroken, "nothing read at offset {}", at.raw());
      for (ByteView left = ByteView(buffer_).first(read.bytes); !left.empty(); ++next) {
        STELE_TRY(const BatchHeader header, parse_batch_header(left));
        if (next == expected.batches.end()) return fail(kBroken, "more batches than were appended");
        STELE_DO(same_batch(left.first(static_cast<std::size_t>(header.batch_bytes)), *next));
        left = left.subspan(static_cast<std::size_t>(header.batch_bytes));
      }
      at = read.next;
    }
    if (next != expected.batches.end()) return fail(kBroken, "fewer batches than appended");
    return {};
  }

  // One batch looked up by its timestamp: the first kept one that is not older.
  Result<void> check_time(const TopicPartition& id, const log::PartitionEnds& ends,
                          const ExpectedPartition& expected) {
    const ExpectedBatch& wanted = expected.batches[random_.below(expected.batches.size())];
    const std::int64_t time = wanted.batch->timestamp_ms;
    STELE_TRY(const auto found, store_.find_time(id, time));
    const auto first = std::ranges::find_if(expected.batches, [&](const ExpectedBatch& one) {
      return one.base_offset.next(one.batch->record_count) > ends.log_start &&
             one.batch->timestamp_ms >= time;
    });
    if (found.has_value() != (first != expected.batches.end()))
      return fail(kBroken, "time {}: found is {}", time, found.has_value());
    if (found && found->offset != std::max(first->base_offset, ends.log_start))
      return fail(kBroken, "time {} is found at offset {}, not {}", time, found->offset.raw(),
                  first->base_offset.raw());
    return {};
  }

  Result<void> check_order() {
    auto next = expected_.order.begin();
    std::int64_t recorded_us = 0;
    for (Position at(0); at < store_.end();) {
      STELE_TRY(const log::OrderedRead read, store_.read_all(at, kReadBytes));
      if (read.batches.empty()) return fail(kBroken, "no batch at position {}", at.raw());
      for (const log::OrderedBatch& batch : read.batches) {
        if (next == expected_.order.end() || batch.recorded_us < recorded_us)
          return fail(kBroken, "position {}: too many, or time went back", at.raw());
        recorded_us = batch.recorded_us;
        STELE_DO(check_ordered(batch, *next++));
      }
      at = read.next;
    }
    if (next != expected_.order.end()) return fail(kBroken, "read_all ends early");
    return {};
  }

  Result<void> check_ordered(const log::OrderedBatch& batch, const ExpectedBatch& expected) {
    const std::int32_t records = expected.batch == nullptr ? 1 : expected.batch->record_count;
    if (batch.position != expected.position || batch.record_count != records ||
        batch.base_offset != expected.base_offset)
      return fail(kBroken, "position {}: not operation {}", batch.position.raw(), expected.asked);
    const log::TopicPtr topic = store_.find_topic(batch.from.topic);
    if (expected.batch == nullptr) {
      return topic != nullptr && topic->internal && !batch.batch.empty()
                 ? Result<void>{}
                 : fail(kBroken, "position {}: no catalogue event", batch.position.raw());
    }
    const Place& place = expected.batch->place;
    if (history_.topics[place.topic].id != batch.from.topic ||
        place.partition != batch.from.partition)
      return fail(kBroken, "position {}: of another partition", batch.position.raw());
    if (topic == nullptr) return {};
    STELE_TRY(const log::PartitionEnds ends, store_.ends(batch.from));
    if (is_compacted(place.topic)) return check_ordered_compacted(batch, ends.log_start);
    const bool kept = batch.base_offset.next(batch.record_count) > ends.log_start;
    if (kept != !batch.batch.empty())
      return fail(kBroken, "position {}: kept is {}", batch.position.raw(), kept);
    return kept ? same_batch(batch.batch, expected) : Result<void>{};
  }

  // What the order gives is what the partition gives.
  Result<void> check_ordered_compacted(const log::OrderedBatch& batch, Offset log_start) {
    const auto found = compacted_.find({batch.from, batch.base_offset});
    const bool there = found != compacted_.end();
    if (damaged_ || batch.base_offset < log_start) return {};
    if (there == batch.batch.empty() || (there && !std::ranges::equal(found->second, batch.batch)))
      return fail(kBroken, "position {}: the partition holds {}, the order gives {} bytes",
                  batch.position.raw(), there, batch.batch.size());
    return {};
  }

  const log::Store& store_;
  History& history_;
  std::map<std::pair<TopicPartition, Offset>, Bytes> compacted_;  ///< batches found in partitions
  bool damaged_ = false;
  SimRandom random_;
  Expected expected_;
  Bytes buffer_;
  std::size_t refused_ = 0;
};

void expect_append(Expected& expected, const Asked& one, std::size_t index, Position& end) {
  for (const Batch& batch : one.batches) {
    ExpectedPartition& partition = expected.partitions[batch.place];
    const ExpectedBatch made{&batch, index, partition.end, end};
    partition.batches.push_back(made);
    expected.order.push_back(made);
    partition.end = partition.end.next(batch.record_count);
    end = end.next(batch.record_count);
  }
}

void expect_topic(Expected& expected, const History& history, const Asked& one) {
  const Topic& topic = history.topics[one.topic];
  if (one.kind == Kind::kDelete) {
    expected.topics.erase(topic.name);
    return;
  }
  expected.topics[topic.name] = {one.topic, one.settings};
  for (std::int32_t p = 0; p < topic.partition_count; ++p) expected.partitions[{one.topic, p}];
}

}  // namespace

Expected expected_after(const History& history, std::size_t prefix) {
  Expected expected;
  Position end;
  Offset catalogue_end;
  bool beyond = false;  // only trims are left that may or may not have happened
  for (std::size_t i = 0; i < history.asked.size() && !beyond; ++i) {
    const Asked& one = history.asked[i];
    if (!history.counts(i)) continue;
    beyond = i >= prefix && one.kind != Kind::kTrim;
    if (beyond) break;
    if (one.kind == Kind::kTrim) {
      ExpectedPartition& partition = expected.partitions[{one.topic, one.partition}];
      const Offset to(one.number);
      partition.trimmed_most = std::max(partition.trimmed_most, to);
      if (one.answer == Answer::kAcked)
        partition.trimmed_least = std::max(partition.trimmed_least, to);
    } else if (one.kind == Kind::kAppend) {
      expect_append(expected, one, i, end);
    } else {
      expected.order.push_back({nullptr, i, catalogue_end, end});
      catalogue_end = catalogue_end.next();
      end = end.next();
      if (one.kind == Kind::kReserve) {
        expected.next_producer_id += one.number;
      } else {
        expect_topic(expected, history, one);
      }
    }
  }
  for (auto& [name, topic] : expected.topics) {
    if (!topic.second.contains("retention.ms") && !topic.second.contains("retention.bytes"))
      continue;
    for (auto& [place, partition] : expected.partitions) {
      if (place.topic == topic.first) partition.trimmed_most = partition.end;
    }
  }
  return expected;
}

Result<std::size_t> judge_damaged(const log::Store& store, History& history) {
  return Judge(store, history, 0).run_damaged();
}

Result<void> judge(const log::Store& store, History& history, std::uint64_t seed) {
  return Judge(store, history, seed).run();
}

}  // namespace stele::crash
