// The bytes on disk, with fixed ids and times: a change of them is a change of the format version.
// STELE_GOLDEN_WRITE=1 writes the files anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "log/order/order_log.h"
#include "log/segment/batch_index.h"
#include "log/store/catalogue.h"
#include "log/store/identity.h"
#include "log/store/sequencer.h"
#include "log/store/superblock.h"
#include "log/store/unknown_versions.h"
#include "log/streams/floor_file.h"
#include "tests/support/golden.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

const Uuid kStore = Uuid::from_random(0x1122334455667788, 0x99aabbccddeeff00);
const Uuid kTopic = Uuid::from_random(7, 8);

void expect_golden(const std::string& name, ByteView bytes) {
  const std::string path = std::string(STELE_GOLDEN_FOLDER) + "/" + name + ".hex";
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(path) << golden_text(bytes);
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(golden_text(bytes), golden.str()) << path;
}

Bytes parse_golden(const std::string& name) {
  std::ifstream in(std::string(STELE_GOLDEN_FOLDER) + "/" + name + ".hex");
  return parse_golden_text(in);
}

JournalPart part() {
  return {.kind = PartKind::kBatch,
          .partition = {kTopic, 3},
          .base_offset = Offset(100),
          .segment_base = Offset(90),
          .file_at = 4321,
          .position = Position(1000),
          .record_count = 2,
          .batch_bytes = 64,
          .batch_crc = 0xcafe,
          .body_at = 0,
          .min_timestamp_ms = 1'700'000'000'000,
          .max_timestamp_ms = 1'700'000'000'005};
}

TEST(GoldenBytes, Identity) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/d").has_value());
  ASSERT_TRUE(write_identity(env, "/d", kStore).has_value());
  expect_golden("identity", env.disk().bytes("/d/STELE"));
}

TEST(GoldenBytes, Superblock) {
  StoreImage image;
  image.generation = 12;
  image.replay_from = {.lap = 3, .at = 8192, .sequence = 77, .predecessor = 0xabcdef};
  image.journal_bytes = 16 << 20;
  image.end = Position(1002);
  image.recorded_us = 1'700'000'000'000'123;
  image.timeline = 1;
  image.order_count = 2;
  image.order_tail = Bytes(128, std::byte{0x5a});
  PartitionImage& one = image.partitions.emplace_back();
  one.id = {kTopic, 3};
  one.log_start = Offset(95);
  one.end = Offset(102);
  one.segments = {{.base = Offset(90),
                   .bytes = 5000,
                   .batch_count = 7,
                   .max_timestamp_ms = 1'700'000'000'005,
                   .created_us = 1'699'000'000'000'000,
                   .generation = 2,
                   .dirty_from = Offset(99)}};
  BatchHeader batch;
  batch.producer_id = 5;
  batch.producer_epoch = 1;
  batch.base_sequence = 10;
  batch.last_offset_delta = 1;
  one.producers.add(batch, Offset(100), Position(1000), 1'700'000'000'000'123);
  const Bytes bytes = encode_superblock(image, kStore);
  expect_golden("superblock", bytes);
  const auto back = decode_superblock(bytes, kStore);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(encode_superblock(*back, kStore), bytes);
}

TEST(GoldenBytes, JournalEntry) {
  EntryHeader header;
  header.place = {.lap = 3, .at = 8192, .sequence = 77, .predecessor = 0xabcdef};
  header.durable_before = 77;
  header.recorded_us = 1'700'000'000'000'123;
  header.first_position = Position(1000);
  header.timeline = 1;
  header.part_count = 1;
  header.body_bytes = 64;
  Bytes entry(4096);
  const JournalPart parts[] = {part()};
  const std::uint64_t sum = encode_entry(entry, kStore, header, parts);
  std::fill_n(entry.begin() + static_cast<std::ptrdiff_t>(header.body_start()), 64,
              std::byte{0x42});
  expect_golden("journal_entry", entry);
  const auto back = decode_entry(entry, kStore, 8192);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->header.checksum, sum);
  EXPECT_EQ(back->header.place, header.place);
  EXPECT_EQ(back->parts[0].file_at, 4321u);
}

TEST(GoldenBytes, JournalEntryOfASwap) {
  EntryHeader header;
  header.place = {.lap = 3, .at = 8192, .sequence = 78, .predecessor = 0xabcdef};
  header.durable_before = 78;
  header.recorded_us = 1'700'000'000'000'123;
  header.first_position = Position(1002);
  header.timeline = 1;
  header.part_count = 1;
  const SegmentImage image{.base = Offset(90),
                           .bytes = 1234,
                           .batch_count = 5,
                           .max_timestamp_ms = 1'700'000'000'005,
                           .created_us = 1'699'000'000'000'000,
                           .generation = 2,
                           .dirty_from = Offset(97)};
  Bytes entry(4096);
  const JournalPart parts[] = {make_swap_part({kTopic, 3}, image, Offset(101), Position(1002))};
  encode_entry(entry, kStore, header, parts);
  expect_golden("journal_swap", entry);
  const auto back = decode_entry(entry, kStore, 8192);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->parts[0].kind, PartKind::kSwap);
  EXPECT_EQ(back->parts[0].segment_base, Offset(101));
  EXPECT_EQ(swapped_segment(back->parts[0]), image);
}

// As it was written before there was compaction: its segments are as they were appended.
TEST(GoldenBytes, SuperblockOfLayout0IsRead) {
  const Bytes old = parse_golden("superblock_layout_0");
  const auto image = decode_superblock(old, kStore);
  ASSERT_TRUE(image.has_value()) << image.error().text();
  ASSERT_EQ(image->partitions.size(), 1u);
  EXPECT_EQ(image->partitions[0].segments[0].base, Offset(90));
  EXPECT_EQ(image->partitions[0].segments[0].generation, 0u);
  EXPECT_EQ(image->partitions[0].producers.count(), 1u);
}

TEST(GoldenBytes, BatchesBlock) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/d").has_value());
  FileCache files(env, 4);
  BatchIndex index(files, "/d/x.batches", 99, Offset(90), nullptr);
  ASSERT_TRUE(index.resume().has_value());
  index.append({.base_offset = Offset(100),
                .offset_count = 2,
                .file_at = 4321,
                .batch_bytes = 64,
                .position = Position(1000),
                .recorded_us = 1'700'000'000'000'123,
                .min_timestamp_ms = 1'700'000'000'000,
                .max_timestamp_ms = 1'700'000'000'005});
  index.write_tail();
  expect_golden("batches_block", env.disk().bytes("/d/x.batches"));
}

TEST(GoldenBytes, OrderBlock) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/d").has_value());
  FileCache files(env, 4);
  OrderLog order(files, "/d", kStore);
  order.restore(0, 0, {});
  for (int i = 0; i < 63; ++i) {
    ASSERT_TRUE(order
                    .append({.position = Position(1000 + i),
                             .recorded_us = 1'700'000'000'000'123,
                             .from = {kTopic, 3},
                             .record_count = 1,
                             .base_offset = Offset(100 + i),
                             .batch_bytes = 64,
                             .batch_crc = 0xcafe,
                             .file_at = static_cast<std::uint64_t>(i) * 64})
                    .has_value());
  }
  expect_golden("order_block", env.disk().bytes(order.path_of(0)));
}

TEST(GoldenBytes, CatalogueEvent) {
  const auto bytes = encode_catalogue_event({.kind = CatalogueEventKind::kTopicCreated,
                                             .topic_name = "orders",
                                             .topic_id = kTopic,
                                             .partition_count = 4,
                                             .settings = {{"retention.ms", "1000"}}},
                                            1'700'000'000'000);
  ASSERT_TRUE(bytes.has_value());
  expect_golden("catalogue_event", *bytes);
}

TEST(Golden, FloorFile) {
  SimEnv env;
  {
    FloorFileWriter writer(env, "/floors", kStore, {.number = 9, .replaces = {3, 4}});
    const auto add = [&](std::optional<TermKind> kind, std::string_view bytes,
                         std::int64_t position) {
      return writer.add({kTopic, kind, as_bytes(bytes), Position(position), 2});
    };
    ASSERT_TRUE(add(TermKind::kStream, "order-17", 100).has_value());
    ASSERT_TRUE(add(TermKind::kType, "OrderPlaced", 100).has_value());
    ASSERT_TRUE(add(TermKind::kStream, "order-17", 107).has_value());
    ASSERT_TRUE(add(std::nullopt, "", 300).has_value());
    ASSERT_TRUE(writer.finish().has_value());
  }
  const std::string path = "/floors/" + floor_file_name(9);
  expect_golden("floor_file", env.disk().bytes(path));
  const auto reader = FloorFileReader::open(env, path, kStore);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ((*reader)->entry_count(), 4U);
  EXPECT_EQ((*reader)->head().replaces, (std::vector<std::uint64_t>{3, 4}));
}

TEST(Golden, UnknownVersions) {
  SimEnv env;
  ASSERT_TRUE(env.make_folder("/index").has_value());
  const UnknownVersions unknown{{kTopic, "events were removed and not counted"}};
  ASSERT_TRUE(save_unknown_versions(env, "/index", kStore, unknown).has_value());
  expect_golden("unknown_versions", env.disk().bytes("/index/unknown"));
  EXPECT_EQ(load_unknown_versions(env, "/index", kStore).value(), unknown);
  env.disk().flip_bit("/index/unknown", 50);
  EXPECT_EQ(load_unknown_versions(env, "/index", kStore).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace stele::log
