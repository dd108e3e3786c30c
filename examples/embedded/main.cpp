// Appends events to a store in a folder, reads them back in order, closes it, and finds them again.
//
//   embedded FOLDER
#include <log/format/record_batch.h>
#include <log/format/records.h>
#include <log/store/store.h>

#include <cstdio>
#include <memory>
#include <string>

namespace {

using stele::Position;
using stele::Result;
using stele::log::Store;

/// Prints the topic's events in the store's total order; returns how many there were.
Result<int> print_all(const Store& store, const stele::log::TopicInfo& topic) {
  int count = 0;
  Position at;
  while (at < store.end()) {
    STELE_TRY(const stele::log::OrderedRead read, store.read_all(at));
    for (const stele::log::OrderedBatch& ordered : read.batches) {
      // The store's own events (a topic was created) stand in the same order.
      if (ordered.from.topic != topic.id) continue;
      STELE_TRY(const stele::BatchHeader header, stele::parse_batch_header(ordered.batch));
      // What append() makes of an Event is not compressed: the records follow the header.
      stele::RecordReader records(header, ordered.batch.subspan(stele::kBatchHeaderBytes));
      while (records.next()) {
        const std::string key(stele::as_text(records.record().key.value_or(stele::ByteView())));
        const std::string value(stele::as_text(records.record().value.value_or(stele::ByteView())));
        std::printf("%s %s\n", key.c_str(), value.c_str());
        ++count;
      }
      STELE_DO(records.finish());
    }
    at = read.next;
  }
  return count;
}

Result<void> place_orders(Store& store) {
  STELE_TRY(const stele::log::TopicPtr topic,
            store.create_topic({.name = "orders", .partition_count = 4, .settings = {}}));
  for (const char* key : {"o-17", "o-18", "o-17"}) {
    STELE_TRY(const stele::log::AppendedBatch appended,
              store.append(
                  topic->name,
                  {.key = key, .type = "OrderPlaced", .value = R"({"total":12})", .headers = {}}));
    // Durable here. The position is its place in the order of everything.
    std::printf("%s stands at position %lld\n", key,
                static_cast<long long>(appended.position.raw()));
  }
  return {};
}

Result<int> run(const std::string& folder) {
  {
    STELE_TRY(const std::unique_ptr<Store> store, Store::open(folder));
    if (!store->find_topic("orders")) STELE_DO(place_orders(*store));
    STELE_DO(store->close());
  }
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(folder, {.create = false}));
  STELE_TRY(const int count, print_all(*store, *store->find_topic("orders")));
  STELE_DO(store->close());
  return count;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: embedded FOLDER\n");
    return 2;
  }
  const Result<int> count = run(arguments[1]);
  if (!count) {
    std::fprintf(stderr, "%s\n", count.error().text().c_str());
    return 1;
  }
  std::printf("%d events\n", *count);
  return 0;
}
