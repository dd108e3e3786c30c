#include "bench/embedded/bench_store.h"

#include <random>

#include "log/format/batch_builder.h"

namespace stele::bench {

std::vector<std::string> make_values(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<std::string> values;
  values.reserve(count);
  while (values.size() < count) {
    std::string value = R"({"order":")" + std::to_string(random()) + R"(","sku":"SKU-)" +
                        std::to_string(random() % 100'000) + R"(","quantity":)" +
                        std::to_string(random() % 9) + R"(,"currency":"EUR","customer":"c)" +
                        std::to_string(random());
    value.resize(kEventBytes, '0');
    values.push_back(std::move(value));
  }
  return values;
}

Bytes make_batch(const std::vector<std::string>& values) {
  BatchBuilder builder;
  for (const std::string& value : values) {
    must(builder.add({.key = {}, .value = as_bytes(value), .headers = {}, .timestamp_ms = 0}));
  }
  return must(builder.finish());
}

BenchStore::BenchStore(const std::string& folder, std::int32_t partition_count)
    : store_(must(log::Store::open(folder))),
      topic_(must(store_->create_topic(
                      {.name = "events", .partition_count = partition_count, .settings = {}}))
                 ->id) {}

}  // namespace stele::bench
