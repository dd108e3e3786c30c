#include "server/app/store_metrics.h"

#include <array>

namespace stele::app {

namespace {

struct Row {
  std::string_view name;
  std::string_view help;
  std::int64_t log::StoreStats::* value;
  bool counter;
};

using Stats = log::StoreStats;

constexpr std::array kTable = std::to_array<Row>({
    {"stele_committed_records_total", "Records made durable.", &Stats::committed_records, true},
    {"stele_committed_batches_total", "Record batches made durable.", &Stats::committed_batches,
     true},
    {"stele_committed_groups_total", "Commit groups: flushes of the journal.",
     &Stats::committed_groups, true},
    {"stele_committed_bytes_total", "Bytes of record batches made durable.",
     &Stats::committed_bytes, true},
    {"stele_duplicate_batches_total", "Retries answered with their first outcome.",
     &Stats::duplicate_batches, true},
    {"stele_refused_appends_total", "Appends refused.", &Stats::refused_appends, true},
    {"stele_checkpoints_total", "Checkpoints written.", &Stats::checkpoints, true},
    {"stele_segments_created_total", "Segments created.", &Stats::segments_created, true},
    {"stele_segments_deleted_total", "Segments deleted.", &Stats::segments_deleted, true},
    {"stele_topics", "Topics.", &Stats::topic_count, false},
    {"stele_partitions", "Partitions.", &Stats::partition_count, false},
    {"stele_segments", "Segments.", &Stats::segment_count, false},
    {"stele_log_bytes", "Bytes of all segments.", &Stats::log_bytes, false},
    {"stele_producers", "Idempotent producers remembered.", &Stats::producer_count, false},
    {"stele_recovered_entries", "Journal entries replayed at the last open.",
     &Stats::recovered_entries, false},
    {"stele_compactions_total", "Compactions that reached their end.", &Stats::compactions, true},
    {"stele_compaction_failures_total", "Compactions given up; the log says why.",
     &Stats::compaction_failures, true},
    {"stele_compaction_read_bytes_total", "Bytes that compaction has read.",
     &Stats::compaction_read_bytes, true},
    {"stele_compaction_written_bytes_total", "Bytes that compaction has written.",
     &Stats::compaction_written_bytes, true},
    {"stele_scavenges_total", "Scavenges that have ended.", &Stats::scavenges, true},
    {"stele_scavenge_running", "1: a scavenge is running.", &Stats::scavenge_running, false},
    {"stele_scavenge_removed_events_total", "Events that scavenge has removed.",
     &Stats::scavenge_removed_events, true},
    {"stele_scavenge_removed_bytes_total", "Bytes of segments that scavenge has freed.",
     &Stats::scavenge_removed_bytes, true},
    {"stele_floor_bytes", "Bytes that count what was removed of streams.", &Stats::floor_bytes,
     false},
    {"stele_compaction_removed_records_total", "Records that compaction has removed.",
     &Stats::compaction_removed_records, true},
    {"stele_quarantined_bytes", "Bytes of torn tails put aside at the last open.",
     &Stats::quarantined_bytes, false},
});

}  // namespace

void print_store_metrics(const log::StoreStats& stats, server::PrometheusText& out) {
  out.gauge("stele_store_open", "1 while the store takes appends.")
      .sample("", std::int64_t{stats.state == log::StoreState::kOpen});
  for (const Row& row : kTable) {
    auto& head = row.counter ? out.counter(row.name, row.help) : out.gauge(row.name, row.help);
    head.sample("", stats.*row.value);
  }
  out.gauge("stele_journal_bytes", "Size of the journal.")
      .sample("", static_cast<std::int64_t>(stats.journal_bytes));
  out.gauge("stele_journal_used_bytes", "Bytes of the journal that a replay would read.")
      .sample("", static_cast<std::int64_t>(stats.journal_used_bytes));
  out.gauge("stele_queued_bytes", "Appends that wait for the disk.")
      .sample("", static_cast<std::int64_t>(stats.queued_bytes));
  out.gauge("stele_compaction_dirty_ratio_max",
            "Share that was not compacted yet, of the partition where it is greatest.")
      .sample("", stats.compaction_dirty_ratio_max);
  out.gauge("stele_open_seconds", "How long the last open took.")
      .sample("", std::chrono::duration<double>(stats.open_took).count());
}

void print_index_metrics(const log::TermIndex& index, server::PrometheusText& out) {
  const log::TermIndexStats stats = index.stats();
  out.gauge("stele_index_overloaded", "1 while appends are refused because runs cannot be cut.")
      .sample("", std::int64_t{index.overloaded()});
  out.gauge("stele_index_runs", "Runs: immutable files of the index.").sample("", stats.run_count);
  out.gauge("stele_index_run_bytes", "Bytes of all runs.")
      .sample("", static_cast<std::int64_t>(stats.run_bytes));
  out.gauge("stele_index_tail_bytes", "Memory of what is in no run yet.")
      .sample("", static_cast<std::int64_t>(stats.tail_bytes));
  out.gauge("stele_index_tail_terms", "Streams, types, tags and ids in no run yet.")
      .sample("", stats.tail_terms);
  out.gauge("stele_index_cache_bytes", "Memory of the heads of hot streams and tags.")
      .sample("", static_cast<std::int64_t>(stats.cache_bytes));
  out.gauge("stele_index_position", "Where the runs end.").sample("", stats.indexed_to.raw());
  out.counter("stele_index_cuts_total", "Runs cut from memory.").sample("", stats.cuts);
  out.counter("stele_index_merges_total", "Merges of runs.").sample("", stats.merges);
  out.counter("stele_index_block_reads_total", "Blocks of runs read for appends.")
      .sample("", stats.block_reads);
}

}  // namespace stele::app
