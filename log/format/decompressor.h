// Unpacks the record section of a batch: gzip (also several members), snappy (a raw block, as
// librdkafka sends, or xerial framing, as Java does), one LZ4 frame with independent blocks, zstd
// (one frame or several).
//
// Invariants: nothing that the input declares is believed. An output over the caller's limit is
// kTooLarge as soon as it passes it; resident memory grows with what was really put out, never
// above limit + 1 MiB (output) and the codec's context (gzip 40 KiB, LZ4 at most 8 MiB, zstd
// 160 KiB: frames are unpacked straight into the output, so a frame's declared window, even one
// over 2^23, costs nothing).
// Contexts and the output buffer are reused, so no call allocates once it has run in; what an
// output of over 1 MiB had touched goes back to the system at the next call.
// Thread: its owner's; one per edge thread.
#pragma once

#include <cstddef>
#include <memory>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/format/record_batch.h"

namespace stele {

class Decompressor {
public:
  static constexpr std::size_t kLimitBytesMax = std::size_t{1} << 30;

  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  /// The unpacked bytes, valid until the next call or the end of `this`; `packed` itself for
  /// Codec::kNone. `limit_bytes` is at most kLimitBytesMax.
  /// kInvalid: malformed, cut off, or bytes left behind the end. kTooLarge: unpacks to more than
  /// the limit. kUnsupported: no such codec.
  [[nodiscard]] Result<ByteView> decompress(Codec codec, ByteView packed, std::size_t limit_bytes);

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same with a context of its own and a copy: for tools and tests.
[[nodiscard]] Result<Bytes> decompress(Codec codec, ByteView packed, std::size_t limit_bytes);

}  // namespace stele
