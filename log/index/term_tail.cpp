#include "log/index/term_tail.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "log/base/check.h"
#include "log/format/varint.h"
#include "log/index/run_format.h"

namespace stele::log {
namespace {

constexpr std::size_t kBlockBytesMax = kHugePageBytes;
constexpr std::size_t kBlockBytesMin = std::size_t{1} << 15;  // the largest chunk fits
constexpr std::size_t kSlotsMin = 64;
constexpr std::size_t kSlotsMax = std::size_t{1} << 31;
constexpr std::size_t kChunkBytesMin = 24;
constexpr std::size_t kChunkBytesMax = 16 << 10;
constexpr std::size_t kAhead = 8;  // terms whose memory is fetched before they are looked at

std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

Pages TermTail::take_pages(std::size_t bytes) const {
  return pool_ == nullptr ? allocate_pages(bytes) : pool_->take(bytes);
}

void TermTail::give_back(Pages pages, std::size_t bytes) const {
  if (pool_ != nullptr) pool_->give_back(std::move(pages), bytes);
}

TermTail::~TermTail() {
  for (Slab& slab : slabs_) give_back(std::move(slab.pages), slab.bytes);
  give_back(std::move(slots_pages_), (std::size_t{1} << (32 - slot_shift_)) * sizeof(Slot));
}

void TermTail::make_slots(std::size_t count) {
  slots_pages_ = take_pages(count * sizeof(Slot));
  slots_ = reinterpret_cast<Slot*>(slots_pages_.get());
  std::uninitialized_value_construct_n(slots_, count);
}

TermTail::TermTail(Position from, std::uint64_t bytes_max, std::size_t terms_expected,
                   std::shared_ptr<PagePool> pool)
    : from_(from), end_(from), pool_(std::move(pool)) {
  // At most three quarters of the slots are taken.
  const std::size_t slot_count = std::bit_ceil(
      std::clamp<std::size_t>(terms_expected + terms_expected / 2, kSlotsMin, kSlotsMax / 2));
  slot_shift_ = 32 - static_cast<unsigned>(std::countr_zero(slot_count));
  make_slots(slot_count);
  const std::size_t block_bytes =
      std::bit_floor(std::clamp<std::size_t>(bytes_max / 8, kBlockBytesMin, kBlockBytesMax));
  block_shift_ = static_cast<unsigned>(std::countr_zero(block_bytes / kUnit));
  slab_bytes_ = block_bytes;
  static_cast<void>(allocate(kUnit));  // place 0 means none
  used_bytes_ = 0;
}

std::uint32_t TermTail::allocate(std::size_t bytes) {
  const std::size_t units = (bytes + kUnit - 1) / kUnit;
  const std::size_t block_units = std::size_t{1} << block_shift_;
  STELE_CHECK(units <= block_units);
  if (blocks_.empty() || block_used_ + units > block_units) {
    STELE_CHECK((blocks_.size() + 1) << block_shift_ <= UINT32_MAX);
    if (slabs_.empty() || slab_used_ == slabs_.back().bytes) {
      // The first one is small: most stores that are opened add little.
      if (!slabs_.empty() && slab_bytes_ == kBlockBytesMax) slab_bytes_ = kSlabBytes;
      slabs_.push_back({.pages = take_pages(slab_bytes_), .bytes = slab_bytes_});
      slab_used_ = 0;
    }
    blocks_.push_back(slabs_.back().pages.get() + slab_used_);
    slab_used_ += block_units * kUnit;
    block_used_ = 0;
  }
  const std::size_t place = ((blocks_.size() - 1) << block_shift_) + block_used_;
  block_used_ += units;
  used_bytes_ += units * kUnit;
  return static_cast<std::uint32_t>(place);
}

std::uint32_t TermTail::topic_ordinal(const Uuid& topic) {
  // The newest first: a batch's topic is mostly the one of the batch before.
  const auto found = std::find(topics_.rbegin(), topics_.rend(), topic);
  if (found != topics_.rend()) return static_cast<std::uint32_t>(topics_.rend() - found - 1);
  topics_.push_back(topic);
  used_bytes_ += sizeof topic;
  return static_cast<std::uint32_t>(topics_.size() - 1);
}

std::uint32_t TermTail::find_topic(const TermView& term) const {
  if (!has_topic(term.kind)) return kNoTopic;
  const auto found = std::find(topics_.rbegin(), topics_.rend(), term.topic);
  return found == topics_.rend() ? kForeignTopic
                                 : static_cast<std::uint32_t>(topics_.rend() - found - 1);
}

const Uuid& TermTail::topic(const TailEntry& entry) const {
  static constexpr Uuid kNone{};
  return entry.topic == kNoTopic ? kNone : topics_[entry.topic];
}

TermView TermTail::term(const TailEntry& entry) const {
  return {.kind = entry.kind, .topic = topic(entry), .bytes = entry.bytes(), .hash = entry.hash};
}

const TailEntry* TermTail::find(const TermView& term) const {
  const std::uint32_t topic = find_topic(term);
  return topic == kForeignTopic ? nullptr : find(term, topic);
}

const TailEntry* TermTail::find(const TermView& term, std::uint32_t topic) const {
  const std::uint32_t tag = tag_of(term.hash);
  const std::size_t slot_count = std::size_t{1} << (32 - slot_shift_);
  for (std::size_t i = slot_of(tag);; i = (i + 1) & (slot_count - 1)) {
    const Slot& slot = slots_[i];
    if (slot.place == 0) return nullptr;
    if (slot.tag != tag) continue;
    const TailEntry& entry = *at(slot.place);
    if (is(entry, term, topic)) return &entry;
  }
}

void TermTail::prefetch(std::uint64_t hash) const {
  __builtin_prefetch(&slots_[slot_of(tag_of(hash))]);
}

std::uint32_t TermTail::prefetch_entry(std::uint64_t hash) const {
  const std::uint32_t tag = tag_of(hash);
  const std::size_t mask = (std::size_t{1} << (32 - slot_shift_)) - 1;
  std::size_t i = slot_of(tag);
  while (slots_[i].place != 0 && slots_[i].tag != tag) i = (i + 1) & mask;
  if (slots_[i].place == 0) return 0;
  const auto* memory = at<std::byte>(slots_[i].place);
  __builtin_prefetch(memory);
  __builtin_prefetch(memory + 64);
  return slots_[i].place;
}

void TermTail::prefetch_chunk(std::uint32_t place) const {
  const Chunk* last = place == 0 ? nullptr : chunk(at(place)->last_chunk);
  if (last == nullptr) return;
  __builtin_prefetch(last);
  __builtin_prefetch(reinterpret_cast<const std::byte*>(last) + 64);
}

// Three looks ahead, so that a term's slot, its entry and its last chunk are there when it is put.
void TermTail::add(const BatchTerms& terms, Position first, std::int32_t partition,
                   const BaseSource& bases) {
  const auto& entries = terms.entries();
  if (entries.empty()) return;
  STELE_CHECK(first >= from_);
  const std::uint32_t topic = topic_ordinal(terms.topic());
  std::array<std::uint32_t, 4 * kAhead> places;  // where the terms ahead seem to be; 0: nowhere
  const std::size_t count = entries.size();
  for (std::size_t i = 0; i < count + 3 * kAhead; ++i) {
    if (i < count) {
      prefetch(entries[i].hash);
      bases.prefetch(entries[i].hash);
    }
    if (const std::size_t at = i - kAhead; i >= kAhead && at < count)
      places[at % places.size()] = prefetch_entry(entries[at].hash);
    if (const std::size_t at = i - 2 * kAhead; i >= 2 * kAhead && at < count)
      prefetch_chunk(places[at % places.size()]);
    if (i < 3 * kAhead) continue;
    const std::size_t now = i - 3 * kAhead;
    const BatchTerms::Entry& entry = entries[now];
    put(terms.term(entry), has_topic(entry.kind) ? topic : kNoTopic, first.next(entry.record_index),
        partition, bases, places[now % places.size()]);
  }
  end_ = std::max(end_, first.next(entries.back().record_index + 1));
}

bool TermTail::is(const TailEntry& entry, const TermView& term, std::uint32_t topic) const {
  return entry.hash == term.hash && entry.kind == term.kind && entry.topic == topic &&
         std::ranges::equal(entry.bytes(), term.bytes);
}

void TermTail::put(const TermView& term, std::uint32_t topic, Position position,
                   std::int32_t partition, const BaseSource& bases, std::uint32_t likely_place) {
  TailEntry* found = likely_place == 0 ? nullptr : at(likely_place);
  if (found == nullptr || !is(*found, term, topic))
    found = const_cast<TailEntry*>(find(term, topic));
  if (found == nullptr) {
    found = &insert(term, topic, position, bases.base_of(term));
  } else {
    if (found->last == position) return;  // a record that names the term twice
    append(*found, position);
  }
  found->partition = partition;
}

TailEntry& TermTail::insert(const TermView& term, std::uint32_t topic, Position position,
                            std::int64_t base) {
  const std::size_t slot_count = std::size_t{1} << (32 - slot_shift_);
  if ((entries_.size() + 1) * 4 > slot_count * 3) grow_slots();
  const std::uint32_t place = allocate(sizeof(TailEntry) + term.bytes.size());
  auto* entry = new (at<std::byte>(place))
      TailEntry{.hash = term.hash,
                .base_count = base,
                .first = position,
                .last = position,
                .count = 1,
                .partition = 0,
                .topic = topic,
                .bytes_size = static_cast<std::uint16_t>(term.bytes.size()),
                .kind = term.kind,
                .inline_bytes = 0,
                .last_chunk = 0,
                .asked_flag = 0,
                .inline_deltas = {}};
  std::ranges::copy(term.bytes, reinterpret_cast<std::byte*>(entry + 1));
  const std::uint32_t tag = tag_of(term.hash);
  std::size_t i = slot_of(tag);
  const std::size_t mask = (std::size_t{1} << (32 - slot_shift_)) - 1;
  while (slots_[i].place != 0) i = (i + 1) & mask;
  slots_[i] = {.tag = tag, .place = place};
  entries_.push_back(place);
  used_bytes_ += sizeof(Slot) + sizeof(std::uint32_t);
  return *entry;
}

void TermTail::grow_slots() {
  const std::size_t old_count = std::size_t{1} << (32 - slot_shift_);
  STELE_CHECK(old_count < kSlotsMax);
  Pages old_pages = std::move(slots_pages_);
  const Slot* const old_slots = std::exchange(slots_, nullptr);
  make_slots(old_count * 2);
  --slot_shift_;
  const std::size_t mask = old_count * 2 - 1;
  for (std::size_t old = 0; old < old_count; ++old) {
    if (old_slots[old].place == 0) continue;
    std::size_t i = slot_of(old_slots[old].tag);
    while (slots_[i].place != 0) i = (i + 1) & mask;
    slots_[i] = old_slots[old];
  }
  give_back(std::move(old_pages), old_count * sizeof(Slot));
}

// Slots stand in the order of hashes already, but within a stretch without a free one.
std::vector<const TailEntry*> TermTail::sorted() const {
  const std::size_t slot_count = std::size_t{1} << (32 - slot_shift_);
  std::vector<Slot> order;
  order.reserve(entries_.size());
  std::size_t stretch = 0;
  const auto end_stretch = [&] {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(stretch);
    std::sort(begin, order.end(), [this](const Slot& one, const Slot& other) {
      if (one.tag != other.tag) return one.tag < other.tag;
      return comes_before(term(*at(one.place)), term(*at(other.place)));
    });
    stretch = order.size();
  };
  // The first stretch may hold what found no place at the end.
  std::vector<Slot> pushed_round;
  for (std::size_t i = 0; i < slot_count; ++i) {
    if (slots_[i].place == 0) {
      end_stretch();
    } else {
      (slot_of(slots_[i].tag) > i ? pushed_round : order).push_back(slots_[i]);
    }
  }
  order.insert(order.end(), pushed_round.begin(), pushed_round.end());
  end_stretch();
  std::vector<const TailEntry*> entries;
  entries.reserve(order.size());
  for (const Slot& slot : order) entries.push_back(at(slot.place));
  return entries;
}

void TermTail::append(TailEntry& entry, Position position) {
  STELE_CHECK(position > entry.last && entry.count < UINT32_MAX);
  const auto delta = static_cast<std::uint64_t>(distance(entry.last, position));
  const std::size_t bytes = uvarint_bytes(delta);
  if (entry.last_chunk == 0 && entry.inline_bytes + bytes <= sizeof entry.inline_deltas) {
    write_uvarint(entry.inline_deltas + entry.inline_bytes, delta);
    entry.inline_bytes = static_cast<std::uint8_t>(entry.inline_bytes + bytes);
  } else {
    auto* last = const_cast<Chunk*>(chunk(entry.last_chunk));
    if (last == nullptr || last->used_bytes + bytes > last->capacity) {
      add_chunk(entry, position);  // which holds its first posting itself
    } else {
      write_uvarint(last->deltas() + last->used_bytes, delta);
      last->used_bytes = static_cast<std::uint16_t>(last->used_bytes + bytes);
      ++last->count;
    }
  }
  ++entry.count;
  entry.last = position;
}

TermTail::Chunk& TermTail::add_chunk(TailEntry& entry, Position position) {
  const Chunk* before = chunk(entry.last_chunk);
  const std::size_t capacity =
      before == nullptr ? kChunkBytesMin
                        : std::min<std::size_t>(before->capacity * std::size_t{2}, kChunkBytesMax);
  const std::uint32_t place = allocate(sizeof(Chunk) + capacity);
  const std::uint32_t number = before == nullptr ? 1 : before->number + 1;
  // Chunk k jumps to chunk k & (k - 1), which is on the way of jumps from chunk k - 1.
  std::uint32_t jump = entry.last_chunk;
  while (const Chunk* far = chunk(jump)) {
    if (far->number <= (number & (number - 1))) break;
    jump = far->jump;
  }
  auto* fresh = new (at<std::byte>(place)) Chunk{.first = position,
                                                 .first_index = entry.count,
                                                 .count = 1,
                                                 .previous = entry.last_chunk,
                                                 .jump = jump,
                                                 .number = number,
                                                 .used_bytes = 0,
                                                 .capacity = static_cast<std::uint16_t>(capacity)};
  entry.last_chunk = place;
  return *fresh;
}

// The newest chunk that does not lie behind what is looked for; null: it is in the entry itself.
template <class IsBehind>
const TermTail::Chunk* TermTail::seek(const TailEntry& entry, IsBehind is_behind) const {
  const Chunk* here = chunk(entry.last_chunk);
  while (here != nullptr && is_behind(*here)) {
    const Chunk* far = chunk(here->jump);
    here = far != nullptr && is_behind(*far) ? far : chunk(here->previous);
  }
  return here;
}

PostingPiece TermTail::decode(Position first, std::int64_t first_index, ByteView deltas,
                              std::int64_t count) {
  PostingPiece piece{.first_index = first_index, .positions = {first}};
  piece.positions.reserve(static_cast<std::size_t>(count));
  VarintReader reader(deltas);
  for (std::int64_t i = 1; i < count; ++i) {
    first = first.next(static_cast<std::int64_t>(reader.unsigned_varlong()));
    piece.positions.push_back(first);
  }
  STELE_CHECK(!reader.failed());
  return piece;
}

PostingPiece TermTail::decode(const TailEntry& entry, const Chunk* chunk,
                              std::int64_t count) const {
  if (chunk != nullptr) {
    return decode(chunk->first, chunk->first_index, {chunk->deltas(), chunk->used_bytes},
                  std::min<std::int64_t>(chunk->count, count - chunk->first_index));
  }
  const ByteView deltas(entry.inline_deltas, entry.inline_bytes);
  const auto inline_count = 1 + std::ranges::count_if(deltas, [](std::byte b) {
                              return (b & std::byte{0x80}) == std::byte{0};
                            });
  return decode(entry.first, 0, deltas, std::min<std::int64_t>(inline_count, count));
}

PostingPiece TermTail::piece_by_index(const TailEntry& entry, std::int64_t index,
                                      std::int64_t count) const {
  STELE_CHECK(index >= 0 && index < count && count <= entry.count);
  return decode(entry, seek(entry, [&](const Chunk& chunk) { return chunk.first_index > index; }),
                count);
}

PostingPiece TermTail::piece_by_position(const TailEntry& entry, Position position,
                                         std::int64_t count) const {
  STELE_CHECK(count > 0 && count <= entry.count);
  return decode(entry,
                seek(entry,
                     [&](const Chunk& chunk) {
                       return chunk.first > position || chunk.first_index >= count;
                     }),
                count);
}

}  // namespace stele::log
