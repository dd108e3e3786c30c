#include "tests/crash/compacted.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/format/records.h"

namespace stele::crash {
namespace {

constexpr std::size_t kReadBytes = 24 << 10;

Result<FoundBatch> parse(ByteView bytes, Offset base_offset) {
  STELE_TRY(const BatchHeader header, parse_batch_header(bytes));
  const ByteView batch = bytes.first(static_cast<std::size_t>(header.batch_bytes));
  FoundBatch found{.base_offset = base_offset,
                   .next_offset = base_offset.next(std::int64_t{header.last_offset_delta} + 1),
                   .records = {},
                   .bytes = Bytes(batch.begin(), batch.end())};
  RecordReader reader(header, batch.subspan(kBatchHeaderBytes));
  while (reader.next()) {
    const RecordView& view = reader.record();
    FoundRecord& record = found.records.emplace_back();
    record.offset = base_offset.next(view.offset_delta);
    record.key = view.key ? as_text(*view.key) : "";
    if (view.value) record.value = as_text(*view.value);
    record.timestamp_ms = view.timestamp_ms;
  }
  STELE_DO(reader.finish());
  return found;
}

Result<FoundBatch> parse_found(ByteView bytes) {
  STELE_TRY(const BatchHeader header, parse_batch_header(bytes));
  if (!batch_crc_matches(bytes.first(static_cast<std::size_t>(header.batch_bytes))))
    return fail(kBroken, "offset {}: wrong checksum", header.base_offset.raw());
  return parse(bytes, header.base_offset);
}

std::vector<FoundRecord> appended(const ExpectedPartition& expected) {
  std::vector<FoundRecord> all;
  for (const ExpectedBatch& one : expected.batches) {
    auto batch = parse(*one.batch->bytes, one.base_offset);
    std::ranges::move(batch->records, std::back_inserter(all));
  }
  return all;
}

// Of each key the last one.
std::map<std::string, Offset> last_of(const std::vector<FoundRecord>& records) {
  std::map<std::string, Offset> last;
  for (const FoundRecord& one : records) last[one.key] = one.offset;
  return last;
}

// What is in the batch is what was appended.
Result<void> judge_batch(const FoundBatch& batch, const ExpectedPartition& expected,
                         const std::vector<FoundRecord>& all) {
  const auto of =
      std::ranges::find(expected.batches, batch.base_offset, &ExpectedBatch::base_offset);
  if (of == expected.batches.end() ||
      of->base_offset.next(of->batch->record_count) != batch.next_offset)
    return fail(kBroken, "no batch was appended at {} to {}", batch.base_offset.raw(),
                batch.next_offset.raw());
  for (const FoundRecord& one : batch.records) {
    if (one.offset >= batch.next_offset || one != all[static_cast<std::size_t>(one.offset.raw())])
      return fail(kBroken, "offset {}: not the record that was appended", one.offset.raw());
  }
  return {};
}

}  // namespace

Result<std::vector<FoundBatch>> read_compacted(const log::Store& store, const TopicPartition& id,
                                               Offset from) {
  STELE_TRY(const log::PartitionEnds ends, store.ends(id));
  std::vector<FoundBatch> all;
  Bytes buffer(kReadBytes);
  for (Offset at = from; at < ends.end;) {
    STELE_TRY(const log::ReadOutcome read, store.read(id, at, buffer));
    if (read.bytes == 0 || read.next <= at)
      return fail(kBroken, "nothing read at offset {}", at.raw());
    for (ByteView left = ByteView(buffer).first(read.bytes); !left.empty();) {
      STELE_TRY(FoundBatch batch, parse_found(left));
      left = left.subspan(batch.bytes.size());
      if (!all.empty() && batch.base_offset < all.back().next_offset)
        return fail(kBroken, "offset {} comes again", batch.base_offset.raw());
      all.push_back(std::move(batch));
    }
    at = read.next;
  }
  return all;
}

Result<void> judge_compacted(const std::vector<FoundBatch>& found,
                             const ExpectedPartition& expected, Offset log_start,
                             bool tombstones_may_go) {
  const std::vector<FoundRecord> all = appended(expected);
  const auto last = last_of(all);
  std::vector<bool> there(all.size());
  for (const FoundBatch& batch : found) {
    STELE_DO(judge_batch(batch, expected, all));
    for (const FoundRecord& one : batch.records)
      there[static_cast<std::size_t>(one.offset.raw())] = true;
  }
  std::map<std::string, Offset> gone;  // tombstones
  for (const auto& [key, offset] : last) {
    const FoundRecord& record = all[static_cast<std::size_t>(offset.raw())];
    if (offset < log_start || there[static_cast<std::size_t>(offset.raw())]) continue;
    if (record.value || !tombstones_may_go)
      return fail(kBroken, "offset {}: the last record of {} is not there", offset.raw(), key);
    gone[key] = offset;
  }
  for (const FoundRecord& one : all) {
    if (there[static_cast<std::size_t>(one.offset.raw())] && one.offset >= log_start &&
        gone.contains(one.key))
      return fail(kBroken, "offset {}: {} was deleted and is back", one.offset.raw(), one.key);
  }
  return {};
}

Result<void> judge_tail(const std::vector<FoundBatch>& tail, const std::vector<FoundBatch>& all,
                        Offset from) {
  const auto first =
      std::ranges::find_if(all, [&](const FoundBatch& one) { return one.next_offset > from; });
  const bool same =
      std::equal(first, all.end(), tail.begin(), tail.end(),
                 [](const FoundBatch& a, const FoundBatch& b) { return a.bytes == b.bytes; });
  return same ? Result<void>{}
              : fail(kBroken, "read from offset {}, other batches are found", from.raw());
}

Result<void> judge_time(const std::optional<log::TimedOffset>& answer,
                        const std::vector<FoundBatch>& all, std::int64_t timestamp_ms,
                        Offset log_start) {
  const FoundRecord* first = nullptr;
  for (const FoundBatch& batch : all) {
    for (const FoundRecord& one : batch.records) {
      if (first == nullptr && one.offset >= log_start && one.timestamp_ms >= timestamp_ms)
        first = &one;
    }
  }
  const bool right = (first != nullptr) == answer.has_value() &&
                     (first == nullptr || (answer->offset == first->offset &&
                                           answer->timestamp_ms == first->timestamp_ms));
  return right ? Result<void>{} : fail(kBroken, "time {} is found elsewhere", timestamp_ms);
}

Result<std::size_t> judge_damaged_compacted(const log::Store& store, const TopicPartition& id,
                                            const log::PartitionEnds& ends,
                                            const ExpectedPartition& expected) {
  const std::vector<FoundRecord> all = appended(expected);
  std::size_t refused = 0;
  Bytes buffer(kReadBytes);
  for (const auto& [key, offset] : last_of(all)) {
    if (offset < ends.log_start) continue;
    const auto read = store.read(id, offset, buffer);
    if (!read && read.error().code == Code::kCorrupt) {
      ++refused;
      continue;
    }
    if (!read) return std::unexpected(read.error());
    if (read->bytes == 0) return fail(kBroken, "nothing read at offset {}", offset.raw());
    STELE_TRY(const FoundBatch batch, parse_found(ByteView(buffer).first(read->bytes)));
    STELE_DO(judge_batch(batch, expected, all));
    if (std::ranges::find(batch.records, offset, &FoundRecord::offset) == batch.records.end())
      return fail(kBroken, "offset {}: the last record of {} is not there", offset.raw(), key);
  }
  return refused;
}

}  // namespace stele::crash
