// What both fuzzers of the Kafka codec check: whatever can be read can be written, and what was
// written is read and written as the same bytes.
#pragma once

#include <cstdint>
#include <utility>

#include "log/base/check.h"
#include "server/kafka/wire/codec.h"

namespace stele::kafka {

template <class M>
[[nodiscard]] Bytes encode(std::int16_t version, const M& message) {
  Writer out;
  const auto written = write(out, version, message);
  STELE_CHECK(written.has_value());
  return std::move(out).bare().flat();
}

/// A small limit on elements keeps the fuzzer fast.
inline constexpr ReadLimits kFuzzLimits{.elements_max = 10'000};

template <class M>
void recode(std::int16_t version, ByteView bytes) {
  const auto message = read<M>(version, bytes, kFuzzLimits);
  if (!message) return;
  const Bytes once = encode(version, *message);
  const auto again = read<M>(version, once, kFuzzLimits);
  STELE_CHECK(again.has_value());
  STELE_CHECK(encode(version, *again) == once);
}

}  // namespace stele::kafka
