// A store on a simulated disk with one compacted topic of small segments, and what a reader sees of
// it.
// Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/format/batch_builder.h"
#include "log/format/decompressor.h"
#include "log/format/records.h"
#include "log/store/store.h"
#include "tests/support/sim_env.h"

namespace stele::log {

struct ReadRecord {
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
  friend bool operator==(const ReadRecord&, const ReadRecord&) = default;
};

class CompactedStore : public testing::Test {
protected:
  using Pairs = std::vector<std::pair<std::string, std::optional<std::string>>>;

  static StoreOptions options() {
    return {.journal_bytes_min = 1 << 20,
            .journal_bytes_max = 1 << 20,
            .append_bytes_max = 256 << 10,
            .compaction_interval = std::chrono::nanoseconds(0)};
  }

  void open(StoreOptions with = options()) {
    auto opened = Store::open("/data", *env_, with);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
  }
  void create(TopicSettings settings = {}) {
    settings.try_emplace("cleanup.policy", "compact");
    settings.try_emplace("segment.bytes", "1024");
    settings.try_emplace("min.cleanable.dirty.ratio", "0");
    const auto made = store_->create_topic({.name = "t", .settings = std::move(settings)});
    ASSERT_TRUE(made.has_value()) << made.error().text();
    at_ = {(*made)->id, 0};
  }
  /// Kills the store and opens it again.
  void reopen() {
    store_.reset();
    env_ = std::make_unique<SimEnv>(env_->disk().killed());
    open();
  }

  std::int64_t now_ms() { return env_->wall_us() / 1000; }

  /// One batch; the first record's offset.
  std::int64_t append(const Pairs& pairs, BatchOptions how = {}, std::int64_t timestamp_ms = -2) {
    if (timestamp_ms == -2) timestamp_ms = now_ms();
    BatchBuilder builder(how);
    for (const auto& [key, value] : pairs) {
      NewRecord record{.key = {}, .value = {}, .headers = {}, .timestamp_ms = timestamp_ms};
      if (!key.empty()) record.key = as_bytes(key);
      if (value) record.value = as_bytes(*value);
      EXPECT_TRUE(builder.add(record).has_value());
    }
    const auto batch = builder.finish();
    AppendRequest request;
    request.batches.push_back({at_, *batch, timestamp_ms, timestamp_ms});
    const auto done = store_->append(std::move(request));
    EXPECT_TRUE(done.has_value()) << done.error().text();
    return done ? done->front().base_offset.raw() : -1;
  }
  /// Batches of one record, until what was there before stands in a closed segment.
  void fill(const std::string& key = "filler") {
    const std::size_t before = segment_count();
    while (segment_count() < before + 2) append({{key, std::string(300, 'f')}});
  }
  std::size_t segment_count() { return static_cast<std::size_t>(store_->stats().segment_count); }

  /// Everything that is due, and the checkpoint that removes the files replaced.
  void compact() {
    for (int i = 0; i < 300; ++i) {
      if (i % 8 == 0) store_->maintain();
      store_->poll();
    }
  }

  std::vector<ReadRecord> read(std::int64_t from = -1) {
    const auto ends = store_->ends(at_);
    std::vector<ReadRecord> all;
    Bytes buffer(8 << 10);
    Offset at = from < 0 ? ends->log_start : Offset(from);
    while (at < ends->end) {
      const auto got = store_->read(at_, at, buffer);
      EXPECT_TRUE(got.has_value()) << got.error().text();
      if (!got || (got->bytes == 0 && got->needed == 0)) break;
      if (got->bytes == 0) buffer.resize(got->needed);
      for (ByteView left = ByteView(buffer).first(got->bytes); !left.empty();)
        left = left.subspan(add(all, left));
      EXPECT_TRUE(got->bytes == 0 || got->next > at);
      at = got->next;
    }
    return all;
  }
  static std::size_t add(std::vector<ReadRecord>& all, ByteView bytes) {
    const auto header = parse_batch_header(bytes);
    const auto size = static_cast<std::size_t>(header->batch_bytes);
    EXPECT_TRUE(batch_crc_matches(bytes.first(size)));
    Decompressor decompressor;
    const auto section =
        decompressor.decompress(static_cast<Codec>(header->codec_id()),
                                bytes.first(size).subspan(kBatchHeaderBytes), 1 << 26);
    RecordReader reader(*header, *section);
    while (reader.next()) {
      const RecordView& one = reader.record();
      ReadRecord& record = all.emplace_back();
      record.offset = header->base_offset.raw() + one.offset_delta;
      record.timestamp_ms = one.timestamp_ms;
      if (one.key) record.key = as_text(*one.key);
      if (one.value) record.value = as_text(*one.value);
    }
    EXPECT_TRUE(reader.finish().has_value());
    return size;
  }
  /// The headers of all batches, in order.
  std::vector<BatchHeader> headers() {
    std::vector<BatchHeader> all;
    Bytes buffer(256 << 10);
    const auto ends = store_->ends(at_);
    for (Offset at = ends->log_start; at < ends->end;) {
      const auto got = store_->read(at_, at, buffer);
      EXPECT_TRUE(got.has_value());
      if (!got || got->bytes == 0) break;
      for (ByteView left = ByteView(buffer).first(got->bytes); !left.empty();) {
        all.push_back(*parse_batch_header(left));
        left = left.subspan(static_cast<std::size_t>(all.back().batch_bytes));
      }
      at = got->next;
    }
    return all;
  }
  /// Files of the partition, names only.
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const std::string& path : env_->disk().files()) {
      if (path.contains(at_.topic.text())) names.push_back(path.substr(path.rfind('/') + 1));
    }
    return names;
  }
  std::string path_of(std::string_view name) {
    return "/data/topics/" + at_.topic.text() + "/0/" + std::string(name);
  }
  /// Values by key among what is read; a tombstone is nullopt.
  std::map<std::string, std::optional<std::string>> values() {
    std::map<std::string, std::optional<std::string>> all;
    for (const ReadRecord& one : read()) {
      if (one.key) all[*one.key] = one.value;
    }
    return all;
  }

  std::unique_ptr<SimEnv> env_ = std::make_unique<SimEnv>();
  std::unique_ptr<Store> store_;
  TopicPartition at_;
};

}  // namespace stele::log
