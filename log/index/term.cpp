#include "log/index/term.h"

#include "log/base/check.h"
#include "log/base/checksum.h"

namespace stele::log {
namespace {

constexpr std::size_t kHashesBytes = 32;
constexpr std::uint64_t kSecondHashSeed = 0x7465726d;  // another seed for the other half of them

template <std::integral T>
void append_le(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  store_le(out.data() + at, value);
}

}  // namespace

std::uint64_t TermHasher::hash(TermKind kind, const Uuid& topic, ByteView bytes) const {
  std::uint64_t seed = seed_ + static_cast<std::uint64_t>(kind) * 0x9e3779b97f4a7c15ULL;
  if (has_topic(kind)) seed = mix_seed(mix_seed(seed, topic.high()), topic.low());
  return checksum(bytes, seed) & mask_;
}

Bytes TermHasher::term_bytes(ByteView key) const {
  if (key.size() <= kTermBytesMax) return {key.begin(), key.end()};
  const auto beginning = key.first(kTermBytesMax - kHashesBytes);
  Bytes out(beginning.begin(), beginning.end());
  for (const std::uint64_t seed : {seed_, mix_seed(seed_, kSecondHashSeed)}) {
    const Hash128 whole = hash128(key, seed);
    append_le(out, whole.low);
    append_le(out, whole.high);
  }
  return out;
}

Term TermHasher::make(TermKind kind, const Uuid& topic, ByteView bytes) const {
  Term term{.kind = kind, .topic = topic, .bytes = term_bytes(bytes)};
  term.hash = hash(kind, topic, term.bytes);
  return term;
}

Term TermHasher::stream(const Uuid& topic, ByteView key) const {
  return make(TermKind::kStream, topic, key);
}
Term TermHasher::type(std::string_view type) const {
  return make(TermKind::kType, {}, as_bytes(type));
}
Term TermHasher::tag(std::string_view tag) const {
  return make(TermKind::kTag, {}, as_bytes(tag));
}
Term TermHasher::event_id(const Uuid& topic, std::string_view id) const {
  return make(TermKind::kEventId, topic, as_bytes(id));
}

void BatchTerms::add(std::int32_t record_index, TermKind kind, ByteView bytes) {
  STELE_CHECK(record_index >= (entries_.empty() ? 0 : entries_.back().record_index));
  const std::size_t at = bytes_.size();
  STELE_CHECK(at <= UINT32_MAX - kTermBytesMax);
  if (bytes.size() <= kTermBytesMax) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  } else {
    const Bytes held = hasher_.term_bytes(bytes);
    bytes_.insert(bytes_.end(), held.begin(), held.end());
  }
  const ByteView held = ByteView(bytes_).subspan(at);
  entries_.push_back({.hash = hasher_.hash(kind, topic_, held),
                      .bytes_at = static_cast<std::uint32_t>(at),
                      .bytes_size = static_cast<std::uint16_t>(held.size()),
                      .kind = kind,
                      .record_index = record_index});
}

TermView BatchTerms::term(const Entry& entry) const {
  return {.kind = entry.kind,
          .topic = has_topic(entry.kind) ? topic_ : Uuid{},
          .bytes = ByteView(bytes_).subspan(entry.bytes_at, entry.bytes_size),
          .hash = entry.hash};
}

}  // namespace stele::log
