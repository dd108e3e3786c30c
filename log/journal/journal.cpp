#include "log/journal/journal.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kZeroChunkBytes = 1 << 20;
constexpr std::uint64_t kScanChunkBytes =
    8 << 20;  // one large read keeps the device busier than eight

Result<void> fill_with_zeros(File& file, std::uint64_t from, std::uint64_t to) {
  AlignedBuffer zeros(std::min(kZeroChunkBytes, to - from));
  std::ranges::fill(zeros.span(), std::byte{0});
  for (std::uint64_t at = from; at < to; at += zeros.size()) {
    STELE_DO(file.write(zeros.view().first(std::min<std::uint64_t>(zeros.size(), to - at)), at));
  }
  return file.sync();
}

JournalPlace start_of_next_lap(const JournalPlace& place) {
  return {
      .lap = place.lap + 1, .at = 0, .sequence = place.sequence, .predecessor = place.predecessor};
}

}  // namespace

Result<void> Journal::create(Env& env, const std::string& path, std::uint64_t bytes) {
  STELE_CHECK(bytes % kBlockBytes == 0 && bytes >= kBlockBytes);
  STELE_TRY(auto file, env.open(path, OpenMode::kCreate, true));
  STELE_DO(file->truncate(0));
  return fill_with_zeros(*file, 0, bytes);
}

Result<std::unique_ptr<Journal>> Journal::open(Env& env, const std::string& path, const Uuid& store,
                                               bool read_only) {
  STELE_TRY(auto file, env.open(path, read_only ? OpenMode::kRead : OpenMode::kReadWrite, true));
  if (!file->direct())
    file->drop_cache();  // what the cache holds may be what a failed flush left behind
  STELE_TRY(const std::uint64_t size, file->size());
  const std::uint64_t bytes = size / kBlockBytes * kBlockBytes;
  if (bytes == 0)
    return fail(Code::kCorrupt, "{}: the journal is empty; restore it from a backup", path);
  return std::unique_ptr<Journal>(new Journal(env, path, store, std::move(file), bytes));
}

Result<void> Journal::read_blocks(std::uint64_t at, std::uint64_t bytes) {
  scratch_.resize(bytes);
  STELE_TRY(const std::size_t got, file_->read(scratch_.span(), at));
  if (got < scratch_.size())
    return fail(Code::kCorrupt, "{}: ends at byte {}, expected more", path_, at + got);
  return {};
}

// The entry that belongs at `expected`, if its header and directory are intact; scratch_ then holds
// the whole entry.
Result<std::optional<JournalEntry>> Journal::read_entry(const JournalPlace& expected) {
  if (expected.at + kBlockBytes > capacity_bytes_) return std::nullopt;
  STELE_DO(read_blocks(expected.at, kBlockBytes));
  const auto header = peek_entry_header(scratch_.view(), store_);
  const bool expected_one =
      header && (header->place == expected ||
                 (planted(Plant::kTrustOlderLap) && header->place.at == expected.at));
  if (!expected_one || header->entry_bytes() > capacity_bytes_ - expected.at) {
    return std::nullopt;
  }
  STELE_DO(read_blocks(expected.at, header->entry_bytes()));
  auto entry = decode_entry(scratch_.view(), store_, expected.at);
  if (!entry) return std::nullopt;
  return std::optional(*std::move(entry));
}

// An intact header and directory with this sequence or a later one, anywhere in the file: at a
// wrong place too (a misdirected write), for there it shows as well that what comes before was
// durable.
Result<std::optional<EntryHeader>> Journal::find_later(std::uint64_t sequence) {
  AlignedBuffer chunk(kScanChunkBytes);
  for (std::uint64_t start = 0; start < capacity_bytes_; start += kScanChunkBytes) {
    const std::uint64_t bytes = std::min(kScanChunkBytes, capacity_bytes_ - start);
    STELE_TRY(const std::size_t got, file_->read(chunk.span().first(bytes), start));
    if (got < bytes) return fail(Code::kCorrupt, "{}: ends at byte {}", path_, start + got);
    for (std::uint64_t at = 0; at + kBlockBytes <= got; at += kBlockBytes) {
      const auto header = peek_entry_header(chunk.view().subspan(at, kEntryHeaderBytes), store_);
      if (!header || header->place.sequence < sequence) continue;
      if (header->body_start() > capacity_bytes_ - start - at) continue;
      STELE_DO(read_blocks(start + at, round_up_to_block(header->body_start())));
      if (decode_entry(scratch_.view(), store_, header->place.at)) return std::optional(*header);
    }
  }
  return std::nullopt;
}

void Journal::mark_torn(JournalEnd& end, const JournalPlace& place,
                        const EntryHeader& header) const {
  end.torn = true;
  end.torn_place = place;
  end.torn_bytes = std::min(header.entry_bytes(), capacity_bytes_ - place.at);
}

Result<JournalEnd> Journal::scan(const JournalPlace& from,
                                 const std::function<Result<void>(const ScannedEntry&)>& visit) {
  JournalEnd end;
  end.next = from;
  while (true) {
    JournalPlace place = end.next;
    STELE_TRY(auto entry, read_entry(place));
    if (!entry && place.at != 0) {
      place = start_of_next_lap(place);
      STELE_TRY(entry, read_entry(place));
    }
    if (!entry) break;
    const EntryHeader& header = entry->header;
    const ByteView body = scratch_.view().subspan(header.body_start(), header.body_bytes);
    ScannedEntry scanned{*entry, body, {}};
    for (std::size_t i = 0; i < entry->parts.size(); ++i) {
      if (!part_is_whole(entry->parts[i], body)) scanned.damaged_parts.push_back(i);
    }
    AlignedBuffer kept;
    if (!scanned.damaged_parts.empty()) {
      kept = std::exchange(scratch_, {});  // holds `body`; find_later() reads into scratch_
      STELE_TRY(const auto later, find_later(place.sequence + 1));
      if (!later) {
        mark_torn(end, place, header);
        return end;
      }
    }
    STELE_DO(visit(scanned));
    ++end.entry_count;
    end.last_place = place;
    end.last_bytes = header.entry_bytes();
    end.next = {place.lap, place.at + header.entry_bytes(), place.sequence + 1, header.checksum};
  }
  STELE_TRY(const auto later, find_later(end.next.sequence));
  if (later && !planted(Plant::kCutAtDamage)) {
    return fail(Code::kCorrupt,
                "{}: entry {} (expected at byte {} of lap {}) is damaged, and entry {} at byte {} "
                "shows that it had been "
                "acknowledged; nothing was changed; restore the folder from a backup",
                path_, end.next.sequence, end.next.at, end.next.lap, later->place.sequence,
                later->place.at);
  }
  for (const JournalPlace& place : {end.next, start_of_next_lap(end.next)}) {
    if (end.torn || place.at + kBlockBytes > capacity_bytes_) continue;
    STELE_DO(read_blocks(place.at, kBlockBytes));
    const auto header = peek_entry_header(scratch_.view(), store_);
    if (header && header->place == place) mark_torn(end, place, *header);
  }
  return end;
}

Result<void> Journal::confirm(const JournalEnd& end) {
  if (end.last_bytes > 0) {
    STELE_DO(read_blocks(end.last_place.at, end.last_bytes));
    STELE_DO(file_->write(scratch_.view().first(end.last_bytes), end.last_place.at));
  }
  return file_->sync();
}

Result<Bytes> Journal::read_torn(const JournalEnd& end) {
  STELE_DO(read_blocks(end.torn_place.at, end.torn_bytes));
  const ByteView torn = scratch_.view().first(end.torn_bytes);
  return Bytes(torn.begin(), torn.end());
}

Result<void> Journal::erase_torn(const JournalEnd& end) {
  AlignedBuffer zeros(kBlockBytes);
  std::ranges::fill(zeros.span(), std::byte{0});
  STELE_DO(file_->write(zeros.view(), end.torn_place.at));
  return file_->sync();
}

void Journal::start(const JournalPlace& head, const JournalPlace& tail) {
  head_ = head;
  tail_ = tail;
}

bool Journal::fits(std::uint64_t bytes) const {
  if (head_.lap > tail_.lap) return head_.at + bytes < tail_.at;
  return head_.at + bytes <= capacity_bytes_ || bytes < tail_.at;
}

JournalPlace Journal::place(std::uint64_t bytes) const {
  STELE_CHECK(fits(bytes));
  if (head_.at + bytes <= capacity_bytes_) return head_;
  return {
      .lap = head_.lap + 1, .at = 0, .sequence = head_.sequence, .predecessor = head_.predecessor};
}

void Journal::write(ByteView bytes, const JournalPlace& at, Done done) {
  STELE_CHECK(at.at + bytes.size() <= capacity_bytes_);
  if (planted(Plant::kAckBeforeFlush)) {
    env_.offload([written = file_->write(bytes, at.at)] { return written; }, std::move(done));
    return;
  }
  if (planted(Plant::kRetryFlush)) {
    done = [file = file_.get(), done = std::move(done)](Result<void> result) mutable {
      done(result ? result : file->sync());
    };
  }
  env_.write_durably(*file_, bytes, at.at, std::move(done));
}

void Journal::advance(const JournalPlace& at, std::uint64_t bytes, std::uint64_t checksum) {
  head_ = {at.lap, at.at + bytes, at.sequence + 1, checksum};
}

void Journal::grow(std::uint64_t bytes, Done done) {
  STELE_CHECK(can_grow() && bytes > capacity_bytes_ && bytes % kBlockBytes == 0);
  growing_ = true;
  const std::uint64_t from = capacity_bytes_;
  env_.offload([file = file_.get(), from, bytes] { return fill_with_zeros(*file, from, bytes); },
               [this, bytes, done = std::move(done)](Result<void> result) mutable {
                 growing_ = false;
                 if (result) capacity_bytes_ = bytes;
                 done(std::move(result));
               });
}

std::uint64_t Journal::used_since(const JournalPlace& place) const {
  if (head_.lap == place.lap) return head_.at - place.at;
  return capacity_bytes_ - place.at + head_.at;
}

}  // namespace stele::log
