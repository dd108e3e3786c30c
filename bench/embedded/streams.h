// A store with many streams, made fast: what bench_streams asks its questions of.
//   stream i: key "s-<i>"; every event has 100 B and type OrderPlaced; tags on wish
//   scattered: each round brings one event of every stream, in another order each time
//   clustered: all events of a stream follow each other
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <string>

#include "log/format/batch_builder.h"
#include "log/store/store.h"

namespace stele::bench {

inline constexpr std::string_view kStreamsTopic = "events";
inline constexpr std::uint64_t kGroups = 10'000;  ///< tags that many streams share

struct StreamsPlan {
  std::uint64_t streams = 1'000'000;
  std::uint64_t each = 5;  ///< events of a stream
  std::size_t batch = 1000;
  Codec codec = Codec::kNone;
  bool clustered = false;
  bool indexed = true;
  bool tags = false;  ///< own-<i> and group-<i mod kGroups>
};

[[nodiscard]] std::string stream_key(std::uint64_t stream);
/// Any number below `streams`, another for every `n` below it: a permutation.
[[nodiscard]] std::uint64_t scattered(std::uint64_t n, std::uint64_t round, std::uint64_t streams);

/// Appends all of it, durably, with a few batches under way. Creates the topic.
void fill_streams(log::Store& store, const StreamsPlan& plan);

/// Bytes of this process that are not page cache: anonymous memory.
[[nodiscard]] std::uint64_t anonymous_bytes();

}  // namespace stele::bench
