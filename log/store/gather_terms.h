// Finds the terms of a batch's records: stream (key), type (ce_type), tags (ce_tags), id (ce_id).
//
// Thread: any; runs where the batch was decoded, at the edge.
#pragma once

#include <memory>

#include "log/format/decompressor.h"
#include "log/format/records.h"
#include "log/index/term.h"

namespace stele::log {

/// `section`: the records, decompressed. What a malformed record or header would say is left out:
/// such a batch is refused elsewhere.
[[nodiscard]] std::shared_ptr<const BatchTerms> gather_terms(const TermHasher& hasher,
                                                             const Uuid& topic,
                                                             const BatchHeader& header,
                                                             ByteView section);

/// Of a whole batch, in any codec. kInvalid, kTooLarge: its records cannot be decompressed.
[[nodiscard]] Result<std::shared_ptr<const BatchTerms>> gather_terms(const TermHasher& hasher,
                                                                     const Uuid& topic,
                                                                     ByteView batch,
                                                                     Decompressor& decompressor);

}  // namespace stele::log
