// Batches and bytes for the tests of log/format.
#pragma once

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "log/base/bytes.h"
#include "log/format/batch_builder.h"

namespace stele::test {

inline Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

/// A generator with the seed of STELE_SEED, printed.
inline std::mt19937_64 seeded() {
  const char* given = std::getenv("STELE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : 20261121;
  std::cout << "STELE_SEED=" << seed << "\n";
  return std::mt19937_64(seed);
}

/// Random bytes of which runs repeat, so that codecs have something to do.
inline Bytes random_bytes(std::mt19937_64& random, std::size_t count) {
  Bytes bytes;
  while (bytes.size() < count) {
    const auto value = static_cast<std::byte>(random());
    bytes.insert(bytes.end(), 1 + random() % 9, value);
  }
  bytes.resize(count);
  return bytes;
}

struct BatchShape {
  int count = 3;
  Codec codec = Codec::kNone;
  std::int64_t timestamp_ms = 1'000;  ///< of the first record; each next is one later
  std::int64_t producer_id = -1;
  bool with_keys = true;
  std::size_t value_bytes = 20;
};

/// Records with key "k<i>", headers ce_type = "T<i>" and "empty" = null, and a value of i's.
inline Bytes make_batch(const BatchShape& shape) {
  BatchOptions options{.codec = shape.codec};
  if (shape.producer_id >= 0) {
    options.producer_id = shape.producer_id;
    options.producer_epoch = 0;
    options.base_sequence = 0;
  }
  BatchBuilder builder(options);
  for (int i = 0; i < shape.count; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::string type = "T" + std::to_string(i);
    const Bytes value(shape.value_bytes, static_cast<std::byte>(i));
    const std::vector<HeaderView> headers{{.key = "empty", .value = std::nullopt},
                                          {.key = "ce_type", .value = as_bytes(type)}};
    NewRecord record{.key = std::nullopt,
                     .value = ByteView(value),
                     .headers = headers,
                     .timestamp_ms = shape.timestamp_ms + i};
    if (shape.with_keys) record.key = as_bytes(key);
    if (!builder.add(record)) std::abort();
  }
  Result<Bytes> batch = builder.finish();
  if (!batch) std::abort();
  return *std::move(batch);
}

}  // namespace stele::test
