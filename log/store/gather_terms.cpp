#include "log/store/gather_terms.h"

#include "log/events/event_facts.h"

namespace stele::log {
namespace {

constexpr std::size_t kRecordsBytesMax = 256 << 20;  // of a batch that was checked when it came

}  // namespace

std::shared_ptr<const BatchTerms> gather_terms(const TermHasher& hasher, const Uuid& topic,
                                               const BatchHeader& header, ByteView section) {
  auto terms = std::make_shared<BatchTerms>(hasher, topic);
  terms->reserve(static_cast<std::size_t>(header.record_count));
  EventFacts facts;
  RecordReader reader(header, section);
  while (reader.next()) {
    facts.read(reader.record());
    const std::int32_t at = reader.record().offset_delta;
    if (facts.key()) terms->add(at, TermKind::kStream, *facts.key());
    if (!facts.type().empty()) terms->add(at, TermKind::kType, as_bytes(facts.type()));
    for (const std::string_view tag : facts.tags()) terms->add(at, TermKind::kTag, as_bytes(tag));
    if (!facts.id().empty()) terms->add(at, TermKind::kEventId, as_bytes(facts.id()));
  }
  return terms;
}

Result<std::shared_ptr<const BatchTerms>> gather_terms(const TermHasher& hasher, const Uuid& topic,
                                                       ByteView batch, Decompressor& decompressor) {
  STELE_TRY(const BatchHeader header, parse_batch_header(batch));
  STELE_TRY(const ByteView section,
            decompressor.decompress(static_cast<Codec>(header.codec_id()),
                                    batch.subspan(kBatchHeaderBytes), kRecordsBytesMax));
  return gather_terms(hasher, topic, header, section);
}

}  // namespace stele::log
