// Terms: what the index knows an event by. A term is a kind and bytes; a stream and an event id
// belong to a topic as well.
//
//   kStream   (topic, record key)      every record with a key, whoever wrote it
//   kType     (ce_type)                none if the type is empty
//   kTag      (one tag of ce_tags)
//   kEventId  (topic, ce_id)           native appends that brought an id; for retries
//
// BatchTerms are gathered where a batch is decoded (the edge) and handed to the core with the
// batch, which then hashes and parses nothing. A term's hash is keyed (seeded) by the store, so
// that nobody can choose colliding keys; equality is always that of the bytes, so that a collision
// is only slower. Thread: value types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/uuid.h"

namespace stele::log {

enum class TermKind : std::uint8_t { kStream = 1, kType = 2, kTag = 3, kEventId = 4 };

/// True if terms of the kind belong to a topic.
[[nodiscard]] constexpr bool has_topic(TermKind kind) {
  return kind == TermKind::kStream || kind == TermKind::kEventId;
}

/// Longest bytes a term holds as they are. A longer record key is held by its first kTermBytesMax -
/// 32 bytes and two 128-bit hashes of the whole (term_bytes()).
inline constexpr std::size_t kTermBytesMax = 1024;

/// One term. Owner of `bytes`: whoever made it (a BatchTerms, a Term, the caller).
struct TermView {
  TermKind kind = TermKind::kStream;
  Uuid topic;  ///< zero where has_topic() is false
  ByteView bytes;
  std::uint64_t hash = 0;
};

/// The same, owning its bytes.
struct Term {
  TermKind kind = TermKind::kStream;
  Uuid topic;
  Bytes bytes;
  std::uint64_t hash = 0;

  [[nodiscard]] TermView view() const { return {kind, topic, bytes, hash}; }
  friend bool operator==(const Term&, const Term&) = default;
};

/// Makes terms of one store. `seed` is the store's; `hash_mask` (tests only) forces collisions.
class TermHasher {
public:
  explicit TermHasher(std::uint64_t seed, std::uint64_t hash_mask = ~std::uint64_t{0})
      : seed_(seed), mask_(hash_mask) {}

  [[nodiscard]] std::uint64_t hash(TermKind kind, const Uuid& topic, ByteView bytes) const;
  [[nodiscard]] Term stream(const Uuid& topic, ByteView key) const;
  [[nodiscard]] Term type(std::string_view type) const;
  [[nodiscard]] Term tag(std::string_view tag) const;
  [[nodiscard]] Term event_id(const Uuid& topic, std::string_view id) const;
  /// `key` as a term holds it: itself, or, over kTermBytesMax, its beginning and two hashes.
  [[nodiscard]] Bytes term_bytes(ByteView key) const;

private:
  [[nodiscard]] Term make(TermKind kind, const Uuid& topic, ByteView bytes) const;

  std::uint64_t seed_;
  std::uint64_t mask_;
};

/// The terms of one batch's records, in record order. One allocation for the entries, one for
/// bytes.
class BatchTerms {
public:
  /// `topic`: of the batch.
  BatchTerms(const TermHasher& hasher, const Uuid& topic) : hasher_(hasher), topic_(topic) {}

  /// Room for so many records.
  void reserve(std::size_t record_count) { entries_.reserve(record_count); }
  /// `record_index`: the record's offset delta in its batch; never decreases from call to call.
  void add(std::int32_t record_index, TermKind kind, ByteView bytes);

  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t bytes_at = 0;
    std::uint16_t bytes_size = 0;
    TermKind kind = TermKind::kStream;
    std::int32_t record_index = 0;
  };
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] TermView term(const Entry& entry) const;
  [[nodiscard]] const Uuid& topic() const { return topic_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

private:
  TermHasher hasher_;
  Uuid topic_;
  std::vector<Entry> entries_;
  Bytes bytes_;
};

}  // namespace stele::log
