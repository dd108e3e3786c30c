// Packs the record section of a batch as Kafka's clients do: gzip at level 6, snappy in xerial
// framing of 32 KiB blocks, an LZ4 frame of independent 64 KiB blocks, zstd at level 3.
// Contexts are made at the first use of a codec and reused.
// Thread: its owner's.
#pragma once

#include <memory>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/format/record_batch.h"

namespace stele {

class Compressor {
public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  /// The packed bytes; a copy for Codec::kNone. kUnsupported: no such codec. kTooLarge: over
  /// 2^31-1 bytes.
  [[nodiscard]] Result<Bytes> compress(Codec codec, ByteView bytes);

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same with a context of its own: for tools and tests.
[[nodiscard]] Result<Bytes> compress(Codec codec, ByteView bytes);

}  // namespace stele
