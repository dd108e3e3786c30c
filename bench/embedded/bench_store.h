// A store with one topic "events" in a folder, and events to append: what every bench here starts
// from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/embedded/bench_folder.h"
#include "log/store/store.h"

namespace stele::bench {

inline constexpr std::size_t kEventBytes = 100;  ///< of an event's value

/// Values as order events have them, `count` different ones of kEventBytes each; fixed seed.
std::vector<std::string> make_values(std::size_t count);

/// One batch of the values, no keys, no types: the least that a log must hold.
Bytes make_batch(const std::vector<std::string>& values);

class BenchStore {
public:
  explicit BenchStore(const std::string& folder, std::int32_t partition_count = 1);

  [[nodiscard]] log::Store& store() { return *store_; }
  [[nodiscard]] TopicPartition partition(std::int32_t index) const { return {topic_, index}; }
  /// The batch for one partition, as submit() takes it. The caller keeps the bytes.
  [[nodiscard]] log::AppendRequest request(ByteView batch, std::int32_t partition = 0) const {
    return {.batches = {{.to = {topic_, partition}, .batch = batch}}, .owner = nullptr};
  }
  /// Durable when it returns.
  void append(ByteView batch, std::int32_t partition = 0) {
    must(store_->append(request(batch, partition)));
  }

private:
  std::unique_ptr<log::Store> store_;
  Uuid topic_;
};

}  // namespace stele::bench
