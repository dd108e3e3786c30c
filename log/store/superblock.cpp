#include "log/store/superblock.h"

#include <array>

#include "log/base/aligned_buffer.h"
#include "log/base/byte_stream.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {
namespace {

// 0 magic u32 | 4 header bytes u32 | 8 checksum u64 of 16…end, seeded with the store id | 16 store
// id 32 generation u64 | 40 payload bytes u64 | 48 journal bytes u64 | 56 layout u32 | 60 zero | 64
// payload. Layout 0 is that of before compaction: its segments end behind `created`.
constexpr std::uint32_t kMagic = 0x42535453;  // "STSB"
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kChecksummedFrom = 16;
constexpr std::uint64_t kPayloadBytesMax = std::uint64_t{1} << 32;
constexpr std::uint32_t kLayout = 1;
constexpr std::size_t kEncodedSegmentBytes = 40;  // of layout 0: the least
constexpr std::size_t kEncodedPartitionBytes = 44;

void encode_partition(ByteWriter& to, const PartitionImage& partition) {
  to.put(partition.id.topic);
  to.put(partition.id.partition);
  to.put(partition.log_start.raw());
  to.put(partition.end.raw());
  to.put(static_cast<std::uint32_t>(partition.segments.size()));
  for (const SegmentImage& segment : partition.segments) {
    to.put(segment.base.raw());
    to.put(segment.bytes);
    to.put(segment.batch_count);
    to.put(segment.max_timestamp_ms);
    to.put(segment.created_us);
    to.put(segment.generation);
    to.put(segment.dirty_from.raw());
  }
  (planted(Plant::kForgetProducers) ? ProducerStates() : partition.producers).encode(to);
}

bool decode_partition(ByteReader& from, std::uint32_t layout, PartitionImage& partition) {
  partition.id.topic = from.get_uuid();
  partition.id.partition = from.get<std::int32_t>();
  partition.log_start = Offset(from.get<std::int64_t>());
  partition.end = Offset(from.get<std::int64_t>());
  const std::size_t segments = from.get_count(kEncodedSegmentBytes);
  for (std::size_t i = 0; i < segments; ++i) {
    SegmentImage& segment = partition.segments.emplace_back();
    segment.base = Offset(from.get<std::int64_t>());
    segment.bytes = from.get<std::uint64_t>();
    segment.batch_count = from.get<std::uint64_t>();
    segment.max_timestamp_ms = from.get<std::int64_t>();
    segment.created_us = from.get<std::int64_t>();
    if (layout == 0) continue;
    segment.generation = from.get<std::uint32_t>();
    segment.dirty_from = Offset(from.get<std::int64_t>());
  }
  return partition.producers.decode(from);
}

struct ReadSuperblock {
  StoreImage image;
  Bytes bytes;
};

Result<ReadSuperblock> read_one(Env& env, const std::string& path, const Uuid& store) {
  STELE_TRY(const auto file, env.open(path, OpenMode::kRead));
  STELE_TRY(const std::uint64_t size, file->size());
  if (size > kPayloadBytesMax) return fail(Code::kCorrupt, "{} bytes are too many", size);
  Bytes bytes(size);
  STELE_TRY(const std::size_t got, file->read(bytes, 0));
  bytes.resize(got);
  STELE_TRY(StoreImage image, decode_superblock(bytes, store));
  return ReadSuperblock{std::move(image), std::move(bytes)};
}

}  // namespace

Bytes encode_superblock(const StoreImage& image, const Uuid& store) {
  ByteWriter to;
  to.put_bytes(std::array<std::byte, kHeaderBytes>{});
  to.put(image.replay_from.lap);
  to.put(image.replay_from.at);
  to.put(image.replay_from.sequence);
  to.put(image.replay_from.predecessor);
  to.put(image.end.raw());
  to.put(image.recorded_us);
  to.put(image.timeline);
  to.put(image.order_count);
  to.put(image.order_first_block);
  to.put(static_cast<std::uint32_t>(image.order_tail.size()));
  to.put_bytes(image.order_tail);
  to.put(static_cast<std::uint32_t>(image.partitions.size()));
  for (const PartitionImage& partition : image.partitions) encode_partition(to, partition);
  Bytes bytes = to.take();
  store_le(bytes.data(), kMagic);
  store_le(bytes.data() + 4, static_cast<std::uint32_t>(kHeaderBytes));
  std::ranges::copy(store.bytes, bytes.begin() + 16);
  store_le(bytes.data() + 32, image.generation);
  store_le(bytes.data() + 48, image.journal_bytes);
  store_le(bytes.data() + 56, kLayout);
  store_le(bytes.data() + 40, std::uint64_t{bytes.size() - kHeaderBytes});
  store_le(bytes.data() + 8, checksum(ByteView(bytes).subspan(kChecksummedFrom),
                                      mix_seed(store.high(), store.low())));
  return bytes;
}

Result<StoreImage> decode_superblock(ByteView bytes, const Uuid& store) {
  if (bytes.size() < kHeaderBytes || load_le<std::uint32_t>(bytes.data()) != kMagic ||
      Uuid::load(bytes.data() + 16) != store) {
    return fail(Code::kCorrupt, "not a superblock of this store");
  }
  const auto payload = load_le<std::uint64_t>(bytes.data() + 40);
  if (payload > bytes.size() - kHeaderBytes)
    return fail(Code::kCorrupt, "cut off at byte {}", bytes.size());
  const ByteView covered = bytes.first(kHeaderBytes + payload).subspan(kChecksummedFrom);
  if (load_le<std::uint64_t>(bytes.data() + 8) !=
      checksum(covered, mix_seed(store.high(), store.low()))) {
    return fail(Code::kCorrupt, "fails its checksum");
  }
  const auto layout = load_le<std::uint32_t>(bytes.data() + 56);
  if (layout > kLayout)
    return fail(Code::kCorrupt, "written by a later version (layout {})", layout);
  ByteReader from(bytes.subspan(kHeaderBytes, payload));
  StoreImage image;
  image.generation = load_le<std::uint64_t>(bytes.data() + 32);
  image.journal_bytes = load_le<std::uint64_t>(bytes.data() + 48);
  image.replay_from.lap = from.get<std::uint64_t>();
  image.replay_from.at = from.get<std::uint64_t>();
  image.replay_from.sequence = from.get<std::uint64_t>();
  image.replay_from.predecessor = from.get<std::uint64_t>();
  image.end = Position(from.get<std::int64_t>());
  image.recorded_us = from.get<std::int64_t>();
  image.timeline = from.get<std::int32_t>();
  image.order_count = from.get<std::uint64_t>();
  image.order_first_block = from.get<std::uint64_t>();
  const ByteView tail = from.get_bytes(from.get_count(1));
  image.order_tail.assign(tail.begin(), tail.end());
  const std::size_t partitions = from.get_count(kEncodedPartitionBytes);
  for (std::size_t i = 0; i < partitions && from.ok(); ++i) {
    if (!decode_partition(from, layout, image.partitions.emplace_back())) break;
  }
  if (!from.finished()) return fail(Code::kCorrupt, "its contents do not fit its length");
  return image;
}

std::string superblock_path(const std::string& folder, std::uint64_t generation) {
  return folder + "/superblock." + std::to_string(generation & 1);
}

Result<void> write_superblock(Env& env, const std::string& folder, std::uint64_t generation,
                              ByteView bytes) {
  STELE_TRY(const auto file, env.open(superblock_path(folder, generation), OpenMode::kCreate));
  STELE_DO(file->write(bytes, 0));
  STELE_DO(file->truncate(bytes.size()));
  STELE_DO(file->sync());
  return env.sync_folder(folder);
}

Result<void> confirm_superblock(Env& env, const std::string& folder, std::uint64_t generation,
                                ByteView bytes) {
  STELE_TRY(const auto file, env.open(superblock_path(folder, generation), OpenMode::kReadWrite));
  STELE_DO(file->write(bytes, 0));
  STELE_DO(file->sync());
  return env.sync_folder(folder);
}

Result<SuperblockPair> read_superblocks(Env& env, const std::string& folder, const Uuid& store) {
  auto even = read_one(env, superblock_path(folder, 0), store);
  auto odd = read_one(env, superblock_path(folder, 1), store);
  // A disk that does not answer is no damage: to fall back on the older one would be a guess.
  for (const auto* one : {&even, &odd}) {
    if (!*one && one->error().code != Code::kCorrupt && one->error().code != Code::kNotFound)
      return std::unexpected(one->error());
  }
  if (!even && !odd) {
    return fail(Code::kCorrupt,
                "{}: both superblocks are damaged ({}; {}); restore the folder from a backup",
                folder, even.error().detail, odd.error().detail);
  }
  const bool odd_is_newest = odd && (!even || odd->image.generation > even->image.generation);
  auto& newest = odd_is_newest ? odd : even;
  const auto& other = odd_is_newest ? even : odd;
  SuperblockPair pair{.newest = std::move(newest->image),
                      .newest_bytes = std::move(newest->bytes),
                      .older_replay_from = {},
                      .damage = {}};
  pair.older_replay_from = other ? other->image.replay_from : pair.newest.replay_from;
  if (!other) pair.damage = other.error().detail;
  return pair;
}

}  // namespace stele::log
