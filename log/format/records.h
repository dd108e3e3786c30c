// The records of a batch, read in place from its *decompressed* record section.
//
//   record: length v | attributes i8 | timestampDelta V | offsetDelta v | keyLength v | key |
//           valueLength v | value | headerCount v | headers …
//   header: keyLength v | key | valueLength v | value
//   v = zigzag varint, V = zigzag varlong; a length of -1 is null (a header's key may not be)
//
//   RecordReader reader(header, section);
//   while (reader.next()) fold(reader.record());
//   STELE_DO(reader.finish());     // the first fault, naming the record's index
//
// Invariants: no byte outside the section is read; a record that next() has answered is whole. Its
// headers are read only when asked for (HeaderReader, find_header), and faults in them told there.
// Thread: any; views are valid as long as the section. The hot part is inline: replay gives key,
// type and value of every record.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/format/record_batch.h"
#include "log/format/varint.h"

namespace stele {

/// What is wrong with a record; described() makes it a kInvalid error.
enum class RecordFault : std::uint8_t {
  kNone,
  kMissing,      ///< the section ends before the header's record count
  kTooMany,      ///< bytes are left behind the last record
  kLength,       ///< the record's length is negative or leads outside the section
  kFields,       ///< a field does not fit into the record's length
  kOffsetDelta,  ///< offset deltas do not grow, or leave the batch
  kTimestamp,    ///< base timestamp plus delta is beyond 64 bits
  kHeaders,      ///< a header is malformed, or headers and their count disagree
};
[[nodiscard]] Error described(RecordFault fault, std::int32_t record_index);

/// Headers of one record, unread. Owner of the bytes: the record section.
struct HeadersView {
  ByteView bytes;
  std::int32_t count = 0;
  std::int32_t record_index = 0;
};

/// One record. Owner of the bytes: the record section.
struct RecordView {
  std::int32_t index = 0;  ///< in the batch, from 0
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_ms = 0;  ///< the batch's append time if its LogAppendTime bit is set
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  HeadersView headers;
};

struct HeaderView {
  std::string_view key;
  std::optional<ByteView> value;
};

/// Walks the headers of one record, as RecordReader walks records.
class HeaderReader {
public:
  explicit HeaderReader(const HeadersView& headers)
      : in_(headers.bytes), left_(headers.count), record_index_(headers.record_index) {}

  /// True if header() is the next one; false behind the last, or at a fault.
  [[nodiscard]] bool next() {
    if (left_ <= 0 || in_.failed()) return false;
    const std::int32_t key_bytes = in_.varint();
    if (key_bytes < 0) in_.fail();
    const ByteView key = in_.take(static_cast<std::uint32_t>(key_bytes));
    const std::int32_t value_bytes = in_.varint();
    if (value_bytes < -1) in_.fail();
    const ByteView value = in_.take(static_cast<std::uint32_t>(value_bytes < 0 ? 0 : value_bytes));
    if (in_.failed()) [[unlikely]]
      return false;
    --left_;
    header_.key = as_text(key);
    header_.value = value_bytes < 0 ? std::nullopt : std::optional(value);
    return true;
  }
  [[nodiscard]] const HeaderView& header() const { return header_; }

  /// True if every header was read and nothing is left over.
  [[nodiscard]] bool whole() const { return !in_.failed() && left_ == 0 && in_.left_bytes() == 0; }

  /// kInvalid if the headers are malformed. To be asked after the last next().
  [[nodiscard]] Result<void> finish() const {
    if (whole()) [[likely]]
      return {};
    return std::unexpected(described(RecordFault::kHeaders, record_index_));
  }

private:
  VarintReader in_;
  std::int32_t left_;
  std::int32_t record_index_;
  HeaderView header_;
};

/// Value of the first header with this key; none if there is no such header or its value is null.
/// kInvalid if a header before it is malformed. Stops where it finds it.
[[nodiscard]] inline Result<std::optional<ByteView>> find_header(const HeadersView& headers,
                                                                 std::string_view key) {
  HeaderReader reader(headers);
  while (reader.next()) {
    if (reader.header().key == key) return reader.header().value;
  }
  if (reader.whole()) [[likely]]
    return std::optional<ByteView>();
  return std::unexpected(described(RecordFault::kHeaders, headers.record_index));
}

class RecordReader {
public:
  /// `section`: what stands behind the header of the batch, decompressed.
  RecordReader(const BatchHeader& header, ByteView section)
      : at_(section.data()),
        end_(section.data() + section.size()),
        base_timestamp_ms_(header.base_timestamp_ms),
        append_time_ms_(header.max_timestamp_ms),
        log_append_time_(header.log_append_time()),
        record_count_(header.record_count),
        last_offset_delta_(header.last_offset_delta) {}

  /// True if record() is the next record; false behind the last, or at a fault.
  [[nodiscard]] bool next();
  [[nodiscard]] const RecordView& record() const { return record_; }
  /// All of record()'s bytes, its length in front included.
  [[nodiscard]] ByteView record_bytes() const {
    return {start_, static_cast<std::size_t>(at_ - start_)};
  }

  /// What stopped next(), and at which record.
  [[nodiscard]] RecordFault fault() const;
  [[nodiscard]] std::int32_t index() const { return index_; }

  /// kInvalid if the section is malformed; the detail names the record's index. To be asked after
  /// the last next().
  [[nodiscard]] Result<void> finish() const {
    if (const RecordFault found = fault(); found != RecordFault::kNone) [[unlikely]]
      return std::unexpected(described(found, index_));
    return {};
  }

private:
  [[gnu::always_inline]] static std::optional<ByteView> nullable(VarintReader& in);
  bool stop(RecordFault fault) {
    fault_ = fault;
    return false;
  }

  const std::byte* start_ = nullptr;  ///< of record()
  const std::byte* at_;
  const std::byte* end_;
  std::int64_t base_timestamp_ms_;
  std::int64_t append_time_ms_;
  bool log_append_time_;
  RecordFault fault_ = RecordFault::kNone;
  std::int32_t record_count_;
  std::int32_t last_offset_delta_;
  std::int32_t offset_delta_ = -1;  ///< the last one
  std::int32_t index_ = 0;          ///< of the record that next() reads next, or stumbled over
  RecordView record_;
};

inline std::optional<ByteView> RecordReader::nullable(VarintReader& in) {
  const std::int32_t bytes = in.varint();
  if (bytes >= 0) [[likely]]
    return in.take(static_cast<std::uint32_t>(bytes));
  if (bytes < -1) in.fail();
  return std::nullopt;
}

inline bool RecordReader::next() {
  if (at_ == end_ || index_ >= record_count_ || fault_ != RecordFault::kNone) return false;
  VarintReader section(at_, end_);
  const std::int32_t body_bytes = section.varint();
  if (section.failed() || body_bytes < 0 ||
      static_cast<std::uint32_t>(body_bytes) > section.left_bytes()) [[unlikely]]
    return stop(RecordFault::kLength);
  const std::byte* record_end = section.at() + body_bytes;
  VarintReader in(section.at(), record_end);
  in.skip(1);  // attributes: no bit of them is used in magic 2
  const std::int64_t timestamp_delta = in.varlong();
  const std::int32_t offset_delta = in.varint();
  record_.key = nullable(in);
  record_.value = nullable(in);
  const std::int32_t header_count = in.varint();
  // A header has at least two bytes, no header has none.
  if (in.failed() || header_count < 0 ||
      static_cast<std::uint32_t>(header_count) > in.left_bytes() / 2 ||
      (header_count == 0 && in.left_bytes() != 0)) [[unlikely]]
    return stop(RecordFault::kFields);
  if (offset_delta <= offset_delta_ || offset_delta > last_offset_delta_) [[unlikely]]
    return stop(RecordFault::kOffsetDelta);
  if (__builtin_add_overflow(base_timestamp_ms_, timestamp_delta, &record_.timestamp_ms))
      [[unlikely]]
    return stop(RecordFault::kTimestamp);
  if (log_append_time_) record_.timestamp_ms = append_time_ms_;
  record_.index = index_;
  record_.offset_delta = offset_delta;
  record_.headers = {.bytes = in.rest(), .count = header_count, .record_index = index_};
  offset_delta_ = offset_delta;
  start_ = at_;
  at_ = record_end;
  ++index_;
  return true;
}

inline RecordFault RecordReader::fault() const {
  if (fault_ != RecordFault::kNone) return fault_;
  if (index_ < record_count_) return RecordFault::kMissing;
  return at_ == end_ ? RecordFault::kNone : RecordFault::kTooMany;
}

}  // namespace stele
