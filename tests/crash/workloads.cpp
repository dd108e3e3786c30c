#include "tests/crash/workloads.h"

#include <vector>

namespace stele::crash {
namespace {

using namespace std::chrono_literals;

log::StoreOptions growing_options() {
  log::StoreOptions options = small_options();
  options.journal_bytes_max = 256 << 10;
  return options;
}

void one_topic(Driver& d) {
  d.create("a");
}
void rolling_topic(Driver& d) {
  d.create("a", 1, {{"segment.bytes", "1024"}});
}
void two_topics(Driver& d) {
  d.create("a", 2, {{"segment.bytes", "1500"}});
  d.create("b", 3);
}

void make_a_store(Driver& d) {
  const std::size_t topic = d.create("a");
  for (int i = 0; i < 6; ++i) d.append({topic, 0});
}

void append_to_one(Driver& d) {
  for (int i = 0; i < 45; ++i) d.append({0, 0}, 1 + i % 3);
}

void append_to_many(Driver& d) {
  for (int i = 0; i < 45; ++i) d.append({0, i * 7 % 12});
}

void pipelined_groups(Driver& d) {
  d.pipelined(true);
  for (int i = 0; i < 90; ++i) {
    d.append({static_cast<std::size_t>(i % 2), i % 2}, 1 + i % 2);
    if (i % 4 == 3) d.poll();
  }
  d.settle();
}

void atomic_over_topics(Driver& d) {
  for (int i = 0; i < 36; ++i) {
    std::vector<Place> places = {{0, i % 2}, {1, i % 3}, {1, (i + 1) % 3}};
    if (i % 4 == 0) places.pop_back();
    d.append_all(places, 1 + i % 2);
  }
}

void atomic_pipelined(Driver& d) {
  d.pipelined(true);
  for (int i = 0; i < 60; ++i) {
    d.append_all({{0, 0}, {0, 1}, {1, i % 3}});
    if (i % 5 == 0) d.append({1, 2});
    if (i % 3 == 0) d.poll();
  }
  d.settle();
}

void producers_with_retries(Driver& d) {
  for (int i = 0; i < 40; ++i) {
    const std::int64_t producer = 1 + i % 3;
    const Place place{1, i % 3};
    d.produce(producer, place, 1 + i % 2);
    if (i % 4 == 1) d.retry(producer, place);
    if (i % 6 == 5) d.retry(producer, place, 2);
  }
}

void producers_pipelined(Driver& d) {
  d.pipelined(true);
  for (int i = 0; i < 60; ++i) {
    const Place place{0, i % 2};
    d.produce(7, place);
    if (i % 3 == 0) d.retry(7, place);
    if (i % 4 == 3) d.poll();
  }
  d.settle();
}

void topics_come_and_go(Driver& d) {
  for (int i = 0; i < 7; ++i) {
    const std::size_t topic = d.create("t" + std::to_string(i % 3), 1 + i % 2);
    d.append({topic, 0});
    d.append({topic, 0}, 2);
    d.append({0, 0});
    if (i % 2 == 0) d.configure(topic, {{"retention.ms", "100000000"}});
    if (i != 5) d.drop(topic);
    if (i == 5) d.configure(topic, {{"segment.bytes", "2048"}});
    if (i == 5) d.drop(topic);
  }
}

void drop_what_was_rolled(Driver& d) {
  for (int round = 0; round < 2; ++round) {
    const std::size_t topic = d.create("fat", 2, {{"segment.bytes", "1024"}});
    for (int i = 0; i < 14; ++i) d.append({topic, i % 2}, 1, 400);
    d.drop(topic);
    for (int i = 0; i < 4; ++i) d.append({0, 0});
  }
}

void delete_records(Driver& d) {
  for (int i = 0; i < 44; ++i) {
    d.append({0, 0}, 2, 200);
    if (i % 5 == 4) d.trim({0, 0}, Offset(i * 2 - 3));
    if (i % 11 == 10) d.trim({0, 0}, d.end({0, 0}));
  }
}

void delete_everything_again_and_again(Driver& d) {
  for (int i = 0; i < 30; ++i) {
    d.append({0, 0}, 1, 100);
    if (i % 3 == 2) d.trim({0, 0}, d.end({0, 0}));
    if (i % 7 == 6) d.reopen();
  }
}

void retention_by_time(Driver& d) {
  for (int i = 0; i < 36; ++i) {
    d.append({0, 0}, 1, 250);
    if (i % 3 == 2) d.maintain(11s);
  }
}

void retention_by_bytes(Driver& d) {
  for (int i = 0; i < 40; ++i) {
    d.append({0, 0}, 1, 300);
    if (i % 4 == 3) d.maintain(11s);
  }
}

void segments_roll(Driver& d) {
  for (int i = 0; i < 45; ++i) d.append({0, 0}, 1, 150 + static_cast<std::size_t>(i) * 10 % 400);
}

void segments_roll_by_age(Driver& d) {
  for (int i = 0; i < 36; ++i) {
    d.append({0, 0});
    if (i % 3 == 0) d.maintain(700ms);
  }
}

void journal_laps(Driver& d) {
  for (int i = 0; i < 50; ++i) d.append({0, 0}, 1, 1000 + static_cast<std::size_t>(i) * 731 % 6000);
}

void journal_grows(Driver& d) {
  d.pipelined(true);
  for (int i = 0; i < 110; ++i) {
    d.append({0, 0}, 1, 3500);
    if (i % 2 == 1) d.poll();
  }
  d.settle();
}

void large_batches(Driver& d) {
  for (int i = 0; i < 12; ++i) {
    d.append_all({{0, 0}, {0, 1}}, 1, 3600);
    d.append({1, 0}, 60, 80);
  }
}

void clean_stops(Driver& d) {
  for (int i = 0; i < 8; ++i) {
    for (int k = 0; k < 3; ++k) d.append({0, k % 2}, 1, 200);
    d.reopen();
  }
}

void idle_marks(Driver& d) {
  for (int i = 0; i < 30; ++i) {
    d.append({0, i % 2});
    d.maintain(i % 3 == 0 ? 20ms : 2ms);
  }
}

void clock_goes_back(Driver& d) {
  for (int i = 0; i < 36; ++i) {
    d.append({0, i % 2}, 1, 120);
    d.jump_wall(i % 2 == 0 ? -3600s : 1800s);
    if (i % 9 == 8) d.reopen();
  }
}

void producer_ids(Driver& d) {
  for (int i = 0; i < 30; ++i) {
    d.reserve(1 + i % 4);
    if (i % 3 == 0) d.produce(1000 + i, {0, 0});
    if (i % 10 == 9) d.reopen();
  }
}

void reading_meanwhile(Driver& d) {
  d.pipelined(true);
  for (int i = 0; i < 60; ++i) {
    d.append({0, i % 2}, 1, 220);
    if (i % 3 == 2) d.poll();
    if (i % 6 == 5) d.look();
  }
  d.settle();
  d.look();
}

void everything(Driver& d) {
  for (int i = 0; i < 40; ++i) {
    d.append({0, i % 2}, 1 + i % 3, 150);
    if (i % 4 == 1) d.produce(5, {1, i % 3});
    if (i % 8 == 2) d.retry(5, {1, (i - 1) % 3});
    if (i % 10 == 3) d.append_all({{0, 0}, {1, 1}}, 2);
    if (i % 9 == 7) d.trim({0, 0}, Offset(i / 2));
    if (i == 12 || i == 30) d.drop(d.create("gone", 2));
    if (i % 13 == 6) d.maintain(15ms);
    if (i == 20) d.reserve(10);
    if (i == 25) d.reopen();
  }
}

log::StoreOptions compacting_options(std::uint64_t memory_bytes = 1 << 20) {
  log::StoreOptions options = small_options();
  options.compaction_interval = 0s;
  options.compaction_memory_bytes_max = memory_bytes;
  return options;
}

std::function<void(Driver&)> compacted_topic(log::TopicSettings settings = {}) {
  settings.try_emplace("cleanup.policy", "compact");
  settings.try_emplace("segment.bytes", "1024");
  settings.try_emplace("min.cleanable.dirty.ratio", "0.1");
  return [settings](Driver& d) {
    d.keys(6);
    d.create("a", 2, settings);
    for (int i = 0; i < 9; ++i) d.append({0, i % 2}, 1 + i % 2, 180);
  };
}

void compact_keys(Driver& d) {
  d.keys(6);
  for (int i = 0; i < 40; ++i) {
    d.append({0, i % 2}, 1 + i % 3, 160);
    if (i % 10 == 9) d.compact();
  }
}

// More keys than a map of the smallest size holds.
void compact_many_keys(Driver& d) {
  d.keys(31);
  for (int i = 0; i < 44; ++i) {
    d.append({0, 0}, 2 + i % 3, 90);
    if (i % 11 == 10) d.compact(60);
  }
}

void compact_and_delete(Driver& d) {
  d.keys(6);
  for (int i = 0; i < 40; ++i) {
    d.append({0, i % 2}, 1 + i % 3, 160);
    if (i % 10 == 9) d.compact();
    if (i % 10 == 4) d.maintain(11s);
  }
}

void compact_often(Driver& d) {
  d.keys(3);
  for (int i = 0; i < 28; ++i) {
    d.append({0, 0}, 1 + i % 2, 220);
    if (i % 4 == 3) d.compact(25);
    if (i % 13 == 12) d.reopen();
  }
}

void tombstones_go(Driver& d) {
  d.keys(4);
  for (int i = 0; i < 32; ++i) {
    d.append({0, 0}, 1, 200);
    if (i % 8 == 7) {
      d.maintain(3s);
      d.compact(30);
    }
  }
}

void compact_under_trims(Driver& d) {
  d.keys(5);
  d.pipelined(true);
  for (int i = 0; i < 44; ++i) {
    d.append({0, i % 2}, 1 + i % 2, 200);
    if (i % 3 == 0) d.poll();
    if (i % 5 == 4) d.compact(1 + i % 9);
    if (i % 11 == 10) {
      d.settle();
      d.trim({0, 0}, Offset(d.end({0, 0}).raw() * 2 / 3));
    }
    if (i == 33) {
      d.settle();
      d.trim({0, 1}, d.end({0, 1}));
    }
  }
  d.settle();
  d.compact();
}

void compact_producers(Driver& d) {
  d.keys(3);
  for (int i = 0; i < 32; ++i) {
    const std::int64_t producer = 1 + i % 3;
    d.produce(producer, {0, 0}, 1 + i % 2);
    if (i % 4 == 1) d.append({0, 0}, 2, 250);
    if (i % 5 == 1) d.retry(producer, {0, 0});
    if (i % 8 == 7) d.compact();
  }
}

void compact_and_drop(Driver& d) {
  for (int round = 0; round < 3; ++round) {
    d.keys(4);
    const std::size_t topic = d.create("fat" + std::to_string(round), 1,
                                       {{"cleanup.policy", "compact"}, {"segment.bytes", "1024"}});
    for (int i = 0; i < 9; ++i) d.append({topic, 0}, 1, 300);
    d.compact(2 + round * 3);
    d.drop(topic);
    d.append({0, 0});
    d.compact(20);
  }
}

void compact_while_appending(Driver& d) {
  d.keys(5);
  d.pipelined(true);
  for (int i = 0; i < 50; ++i) {
    d.append_all({{0, 0}, {0, 1}}, 1, 170);
    d.compact(1 + i % 4);
    if (i % 16 == 15) {
      d.settle();
      d.look();
    }
  }
  d.settle();
  d.look();
}

std::vector<Workload> make_workloads() {
  const log::StoreOptions small = small_options();
  const auto with = [](std::string name, log::TopicSettings settings) {
    return [name, settings](Driver& d) { d.create(name, 1, settings); };
  };
  return {
      {"MakeAStore", small, nullptr, make_a_store},
      {"AppendToOne", small, one_topic, append_to_one},
      {"AppendToMany", small, [](Driver& d) { d.create("a", 12); }, append_to_many},
      {"PipelinedGroups", small, two_topics, pipelined_groups},
      {"AtomicOverTopics", small, two_topics, atomic_over_topics},
      {"AtomicPipelined", small, two_topics, atomic_pipelined},
      {"ProducersWithRetries", small, two_topics, producers_with_retries},
      {"ProducersPipelined", small, two_topics, producers_pipelined},
      {"TopicsComeAndGo", small, one_topic, topics_come_and_go},
      {"DropWhatWasRolled", small, one_topic, drop_what_was_rolled},
      {"DeleteRecords", small, rolling_topic, delete_records},
      {"DeleteEverything", small, rolling_topic, delete_everything_again_and_again},
      {"RetentionByTime", small, with("a", {{"segment.bytes", "1024"}, {"retention.ms", "15000"}}),
       retention_by_time},
      {"RetentionByBytes", small,
       with("a", {{"segment.bytes", "1024"}, {"retention.bytes", "2500"}}), retention_by_bytes},
      {"SegmentsRoll", small, rolling_topic, segments_roll},
      {"SegmentsRollByAge", small, with("a", {{"segment.ms", "500"}}), segments_roll_by_age},
      {"JournalLaps", small, one_topic, journal_laps},
      {"JournalFull", small, one_topic, journal_grows},
      {"JournalGrows", growing_options(), one_topic, journal_grows},
      {"LargeBatches", small, two_topics, large_batches},
      {"CleanStops", small, two_topics, clean_stops},
      {"IdleMarks", small, two_topics, idle_marks},
      {"ClockGoesBack", small, two_topics, clock_goes_back},
      {"ProducerIds", small, one_topic, producer_ids},
      {"ReadingMeanwhile", small, two_topics, reading_meanwhile},
      {"Everything", small, two_topics, everything},
      {"CompactKeys", compacting_options(), compacted_topic(), compact_keys},
      {"CompactOften", compacting_options(), compacted_topic(), compact_often},
      {"CompactLittleMemory", compacting_options(64), compacted_topic(), compact_many_keys},
      {"TombstonesGo", compacting_options(), compacted_topic({{"delete.retention.ms", "2000"}}),
       tombstones_go},
      {"CompactUnderTrims", compacting_options(), compacted_topic(), compact_under_trims},
      {"CompactProducers", compacting_options(), compacted_topic(), compact_producers},
      {"CompactAndDelete", compacting_options(),
       compacted_topic({{"cleanup.policy", "compact,delete"}, {"retention.bytes", "3000"}}),
       compact_and_delete},
      {"CompactAndDrop", compacting_options(), compacted_topic(), compact_and_drop},
      {"CompactWhileAppending", compacting_options(), compacted_topic(), compact_while_appending},
  };
}

}  // namespace

std::span<const Workload> workloads() {
  static const std::vector<Workload> all = make_workloads();
  return all;
}

}  // namespace stele::crash
