// Store: an event log in a folder. The embedded API, and what the service stands on.
//
//   auto store = stele::log::Store::open("data").value();
//   store->create_topic({.name = "orders", .partition_count = 4}).value();
//   store->append("orders", {.key = "o-17", .type = "OrderPlaced", .value =
//   R"({"total":12})"}).value();   // durable auto reader = store->read_all(Position(0)); // in
//   order
//
// Threads: every function may be called by any thread. The log starts none of its own: a caller who
// finds the core idle runs it (sequences, flushes, answers for everybody who has queued), the
// others wait. Completions given to submit() run on the thread that happens to run the core: they
// must be short and must not call back into the store's blocking functions (append, create_topic,
// …); submit() is fine.
//
// Durability: a success answer survives kill -9 and power loss. Nothing is visible to a reader
// before it is durable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/base/partition_id.h"
#include "log/base/uuid.h"
#include "log/env/env.h"
#include "log/index/term_index.h"
#include "log/store/append_checks.h"
#include "log/store/topic_config.h"
#include "log/streams/stream_rules.h"

namespace stele::log {

struct StoreOptions {
  std::uint64_t journal_bytes_min = 16 << 20;   ///< size of a new journal
  std::uint64_t journal_bytes_max = 256 << 20;  ///< it grows up to here under load
  std::uint64_t group_bytes_max = 4 << 20;      ///< one commit group gathers at most this much
  std::uint64_t append_bytes_max =
      4 << 20;  ///< of one append; at most a quarter of journal_bytes_min
  std::uint64_t queued_bytes_max =
      64 << 20;  ///< waiting to be sequenced; beyond it appends get kOverloaded
  std::size_t producer_count_max =
      100'000;  ///< idempotent producers remembered, all partitions together
  std::chrono::hours producer_idle_max{
      24};  ///< a producer's last batches are remembered at least that long
  std::int32_t partition_count_max = 100'000;  ///< of the store
  std::int32_t open_file_count_max = 4096;     ///< segment files kept open
  std::uint64_t compaction_memory_bytes_max =
      128
      << 20;  ///< for the keys of one compaction, 16 bytes each (log.cleaner.dedupe.buffer.size)
  std::uint64_t compaction_bytes_per_second_max =
      0;  ///< read and written by compaction; 0: no limit (log.cleaner.io.max.bytes.per.second)
  std::chrono::nanoseconds compaction_interval =
      std::chrono::seconds(15);            ///< how often maintain() looks for what is due
  TermIndexOptions index = {};             ///< of the index of streams, types and tags
  std::chrono::hours event_id_window{24};  ///< a native append's retry is known at least that long
  std::size_t stream_rules_max =
      1'000'000;       ///< streams with limits or a tombstone; beyond it kOverloaded
  bool create = true;  ///< false: kNotFound if the folder holds no store
};

struct TopicSpec {
  std::string name;  ///< 1 to 249 of [a-zA-Z0-9._-], not "." or ".."
  std::int32_t partition_count = 1;
  TopicSettings settings = {};
  bool internal = false;  ///< holds the service's own state: delete_topic() refuses it
};

/// A topic as it is at one moment; immutable, shared with readers.
struct TopicInfo {
  std::string name;
  Uuid id;
  std::int32_t partition_count = 0;
  TopicSettings settings;
  TopicConfig config;
  bool internal = false;
};
using TopicPtr = std::shared_ptr<const TopicInfo>;
/// True if the topic's events are found by stream, type and tag: the service's own topics are not.
[[nodiscard]] inline bool is_indexed(const TopicInfo& topic) {
  return topic.config.indexed && !topic.internal;
}
using TopicDone = std::move_only_function<void(Result<TopicPtr>)>;

/// What whoever runs on the store wants kept beside the topics: quotas, dynamic settings.
using Properties = std::map<std::string, std::string, std::less<>>;
/// nullopt takes a property away.
using PropertyChanges = std::map<std::string, std::optional<std::string>, std::less<>>;

/// One whole record batch for one partition, checked by the caller (check_produced_batch of
/// log/format/batch_check.h). The bytes are only read; base offset and leader epoch are set in the
/// log's own copy.
struct BatchAppend {
  TopicPartition to;
  ByteView batch;  ///< owned by AppendRequest::owner, or by the caller until it is answered
  std::int64_t min_timestamp_ms =
      0;  ///< least and greatest record timestamp, as the check found them
  std::int64_t max_timestamp_ms = 0;
  /// Of the batch's records, if whoever decoded it gathered them (gather_terms() of
  /// log/store/gather_terms.h); null: submit() does, if the topic is indexed.
  std::shared_ptr<const BatchTerms> terms = nullptr;
};

/// All or nothing, in one journal entry. Batches that bring a producer id: at most one for each
/// partition.
struct AppendRequest {
  std::vector<BatchAppend> batches;
  std::shared_ptr<const void> owner;               ///< keeps the bytes alive
  std::shared_ptr<AppendChecks> checks = nullptr;  ///< null: nothing is expected (any)
};

struct AppendedBatch {
  Offset base_offset;
  Offset log_start;
  Position position;             ///< of the first record
  std::int64_t recorded_us = 0;  ///< since 1970, never decreasing
  bool duplicate = false;        ///< a retry: these are the places of the first attempt
};
using AppendOutcome = std::vector<AppendedBatch>;  ///< in the order of AppendRequest::batches

/// Errors of an append; none of them has written anything but kOutcomeUnknown:
///   kNotFound topic or partition; kInvalid, kTooLarge the request; kOutOfSequence, kFenced
///   the producer; kNoSpace the disk is full; kOverloaded queued_bytes_max, file
///   descriptors, the journal or the index are used up: retry later; kOutcomeUnknown the flush
///   failed: the store has stopped; reopen, read back; kClosed the store is closed; with checks
///   also kWrongVersion, kConditionFailed, kTombstoned (see AppendChecks::verdict) and
///   kAlreadyExists: some of the event ids are taken, but not all. A plain append to a tombstoned
///   stream gets kTombstoned.
using AppendDone = std::move_only_function<void(Result<AppendOutcome>)>;

/// An event to append, for the convenience form. Views live for the call only.
struct Event {
  std::optional<std::string_view> key = {};  ///< none: belongs to no stream
  std::string_view type = {};                ///< header ce_type; empty: no header
  std::optional<std::string_view> value = {};
  std::vector<std::pair<std::string_view, std::string_view>> headers = {};
  std::int64_t timestamp_ms = -1;  ///< -1: now
  std::int32_t partition =
      -1;  ///< -1: murmur2(key) mod N, as Kafka's clients do; no key: the next in turn
};

struct PartitionEnds {
  Offset log_start;  ///< first offset that is kept
  Offset end;        ///< one past the last durable record; what Kafka calls the high watermark
  std::int32_t epoch = 0;  ///< the store's timeline, which Kafka clients see as leader epoch
};

struct ReadOutcome {
  std::size_t bytes = 0;  ///< whole, checked batches now in the buffer
  Offset next;            ///< where to go on: one past the last record read
  std::size_t needed =
      0;  ///< bytes == 0 and the next batch is larger than the buffer: its size; else 0
};

struct TimedOffset {
  Offset offset;
  std::int64_t timestamp_ms = -1;
  std::int32_t epoch = 0;
};

/// An idempotent producer that a partition remembers.
struct ProducerInfo {
  std::int64_t producer_id = 0;
  std::int16_t epoch = 0;
  std::int32_t last_sequence = 0;
  std::int64_t recorded_us = 0;  ///< of its last batch
};

/// One committed batch in the store's total order.
struct OrderedBatch {
  Position position;
  std::int64_t recorded_us = 0;
  TopicPartition from;
  Offset base_offset;
  std::int32_t record_count = 0;  ///< as it was appended
  ByteView batch;  ///< as stored, crc checked; owned by OrderedRead. Empty if retention or
                   ///< compaction has removed it; compaction may have left some of its records only
};

struct OrderedRead {
  std::vector<OrderedBatch> batches;
  Position next;  ///< where to go on
  Bytes buffer;
};

/// What a partition's end moved to; given to the watermark listener.
struct PartitionAdvance {
  TopicPartition partition;
  Offset end;
};

enum class StoreState : std::uint8_t { kOpen, kStopped, kClosed };

struct StoreStats {
  StoreState state = StoreState::kOpen;
  std::string stopped_because;  ///< kStopped: the first error
  std::int64_t committed_records = 0, committed_batches = 0, committed_groups = 0,
               committed_bytes = 0;
  std::int64_t duplicate_batches = 0, refused_appends = 0, checkpoints = 0, segments_created = 0,
               segments_deleted = 0;
  std::uint64_t journal_bytes = 0, journal_used_bytes = 0, queued_bytes = 0;
  std::int64_t topic_count = 0, partition_count = 0, segment_count = 0, log_bytes = 0,
               producer_count = 0;
  std::int64_t recovered_entries = 0, quarantined_bytes = 0;
  std::int64_t compactions = 0,
               compaction_failures = 0;  ///< runs that reached their end; that did not
  std::int64_t compaction_read_bytes = 0, compaction_written_bytes = 0,
               compaction_removed_records = 0;
  double compaction_dirty_ratio_max = 0;             ///< of all partitions, as of the last look
  std::string compaction_last_failure;               ///< empty: none since the store was opened
  std::int64_t scavenges = 0, scavenge_running = 0;  ///< that have ended; 1: one is running
  std::int64_t scavenge_removed_events = 0, scavenge_removed_bytes = 0;
  std::int64_t floor_files = 0, floor_bytes = 0;  ///< that count what was removed of streams
  std::chrono::nanoseconds open_took{0};
};

/// What one scavenge has done.
struct ScavengeReport {
  std::int64_t partitions = 0;  ///< looked at
  std::int64_t segments = 0;    ///< written anew, or gone altogether
  std::int64_t events_removed = 0;
  std::int64_t bytes_removed = 0;      ///< of segments; their files go with the next checkpoint
  std::int64_t partitions_failed = 0;  ///< left as they are, wholly or in part
  std::string first_failure;           ///< empty: none
};
using ScavengeDone = std::move_only_function<void(Result<ScavengeReport>)>;

class Store {
public:
  /// Opens or creates the store in `folder` and recovers it: on return everything ever acknowledged
  /// is there. kAlreadyExists somebody holds the folder (named); kUnsupported it is of another
  /// version (left untouched); kCorrupt acknowledged data is damaged (place named; nothing was
  /// changed; restore a backup, see `stele verify`); kNotFound with options.create = false; kIo,
  /// kNoSpace, kInvalid options. `env` outlives the store.
  static Result<std::unique_ptr<Store>> open(const std::string& folder, Env& env,
                                             StoreOptions options = {});
  /// With a PosixEnv of its own.
  static Result<std::unique_ptr<Store>> open(const std::string& folder, StoreOptions options = {});

  virtual ~Store() = default;

  [[nodiscard]] virtual Uuid id() const = 0;
  /// The one it was opened with, or its own.
  [[nodiscard]] virtual Env& env() const = 0;

  // --- topics ---

  /// Durable when it returns. kAlreadyExists, kInvalid (name, count, setting), kOverloaded
  /// (partition_count_max), and the errors of an append.
  virtual Result<TopicPtr> create_topic(const TopicSpec& spec) = 0;
  /// Frees its disk. The name may be used again at once, by a topic with another id. kNotFound,
  /// kInvalid (internal).
  virtual Result<void> delete_topic(const Uuid& topic) = 0;
  /// Replaces the topic's settings. kNotFound, kInvalid.
  virtual Result<TopicPtr> configure_topic(const Uuid& topic, const TopicSettings& settings) = 0;
  /// Gives the topic new, empty partitions, so that it has `partition_count` in all. Streams stay
  /// where they are. kNotFound, kInvalid (not more than it has), kOverloaded (partition_count_max).
  virtual Result<TopicPtr> add_partitions(const Uuid& topic, std::int32_t partition_count) = 0;
  /// Null if there is none.
  [[nodiscard]] virtual TopicPtr find_topic(std::string_view name) const = 0;
  [[nodiscard]] virtual TopicPtr find_topic(const Uuid& id) const = 0;
  /// Sorted by name.
  [[nodiscard]] virtual std::vector<TopicPtr> topics() const = 0;

  /// The same, answered through `done` as submit() does: for callers who must not block.
  virtual void create_topic_async(TopicSpec spec, TopicDone done) = 0;
  virtual void delete_topic_async(const Uuid& topic, Done done) = 0;
  virtual void configure_topic_async(const Uuid& topic, TopicSettings settings, TopicDone done) = 0;
  virtual void add_partitions_async(const Uuid& topic, std::int32_t partition_count,
                                    TopicDone done) = 0;

  // --- properties ---

  [[nodiscard]] virtual Properties properties() const = 0;
  /// All of the changes or none, durable when `done` is called. kInvalid: a name of 0 or over 1,024
  /// bytes, a value of over 1,024, or more than 16 KiB in all; kOverloaded: over 10,000 properties.
  virtual void put_properties_async(PropertyChanges changes, Done done) = 0;

  // --- appending ---

  /// Durable when it returns.
  virtual Result<AppendOutcome> append(AppendRequest request) = 0;
  /// One event, in a batch of its own.
  virtual Result<AppendedBatch> append(std::string_view topic, const Event& event) = 0;
  /// Many events of one topic, atomically: one batch for each partition they go to.
  virtual Result<AppendOutcome> append(std::string_view topic, std::span<const Event> events) = 0;

  /// Queues the append; `done` is called once it is durable or refused. Needs somebody to run the
  /// core: poll(), run_until() or a blocking call of any thread.
  virtual void submit(AppendRequest request, AppendDone done) = 0;
  /// Runs the core without blocking: answers what is durable, starts the next flush. Returns how
  /// many answers it gave.
  virtual std::size_t poll() = 0;
  /// Runs the core (or waits for whoever runs it) until `enough()` is true. Called between answers,
  /// by this thread.
  virtual void run_until(const std::function<bool()>& enough) = 0;
  /// Once a second or so: writes the idle mark, removes old segments, starts checkpoints and, every
  /// options.compaction_interval, compaction.
  /// Cheap when idle.
  virtual void maintain() = 0;

  /// A block of `count` producer ids that were never given before, durable. Returns the first.
  virtual Result<std::int64_t> reserve_producer_ids(std::int32_t count) = 0;
  virtual void reserve_producer_ids_async(
      std::int32_t count, std::move_only_function<void(Result<std::int64_t>)> done) = 0;

  // --- reading; everything given out is durable and its checksum was checked ---

  /// kNotFound.
  [[nodiscard]] virtual Result<PartitionEnds> ends(const TopicPartition& partition) const = 0;
  /// Whole batches from the one that holds `from`, as many as fit into `into` (of one segment).
  /// `from` == end reads 0 bytes. kOutOfRange outside [log_start, end], kCorrupt (topic, partition,
  /// offset, file named), kNotFound, kIo.
  [[nodiscard]] virtual Result<ReadOutcome> read(const TopicPartition& partition, Offset from,
                                                 ByteSpan into) const = 0;
  /// First record whose timestamp is at least `timestamp_ms`; nullopt if there is none. kNotFound,
  /// kCorrupt, kIo.
  [[nodiscard]] virtual Result<std::optional<TimedOffset>> find_time(
      const TopicPartition& partition, std::int64_t timestamp_ms) const = 0;
  /// First record with the greatest timestamp; nullopt if the partition is empty.
  [[nodiscard]] virtual Result<std::optional<TimedOffset>> find_latest_time(
      const TopicPartition& partition) const = 0;

  /// One past the last committed position.
  [[nodiscard]] virtual Position end() const = 0;
  /// Batches in total order, from the one that holds `from`: as many as fit into about `bytes_max`,
  /// at least one. None at the end. kOutOfRange past the end, kCorrupt (place named), kIo.
  [[nodiscard]] virtual Result<OrderedRead> read_all(Position from,
                                                     std::size_t bytes_max = 1 << 20) const = 0;
  /// The same of one topic: batches of others are passed over, unread, some 16,000 a call at most;
  /// `next` tells how far it got. None and next == end(): there is nothing more.
  [[nodiscard]] virtual Result<OrderedRead> read_topic(const Uuid& topic, Position from,
                                                       std::size_t bytes_max = 1 << 20) const = 0;
  /// The first position recorded at or after `recorded_us`; the end if there is none.
  [[nodiscard]] virtual Result<Position> find_recorded(std::int64_t recorded_us) const = 0;
  /// Grows whenever acknowledged records were lost (a restored backup): tokens hold it.
  [[nodiscard]] virtual std::int32_t timeline() const = 0;
  /// Blocks until end() is past `position`, or until `longest` has gone by (false).
  virtual bool wait_for(Position position, std::chrono::nanoseconds longest) const = 0;
  /// Blocks until the partition's end is past `offset`, or until `longest` has gone by (false).
  virtual bool wait_for(const TopicPartition& partition, Offset offset,
                        std::chrono::nanoseconds longest) const = 0;

  // --- streams, types, tags ---

  /// The one batch that holds the position; its bytes are empty if it was let go of. kOutOfRange at
  /// or past the end, kCorrupt, kIo.
  [[nodiscard]] virtual Result<OrderedRead> read_batch_at(Position position) const = 0;
  /// The first position in [from, below) whose event matches; nullopt if there is none. `below` at
  /// most end(). kCorrupt, kIo.
  [[nodiscard]] virtual Result<std::optional<Position>> first_match(const ConditionItem& item,
                                                                    Position from,
                                                                    Position below) const = 0;
  /// Where the events of a term are. Bound what is read by end().
  [[nodiscard]] virtual const TermIndex& index() const = 0;
  /// kCorrupt (the batch named): a damaged batch could not be indexed, so that versions of the
  /// topic's streams are not known: expectations on them are refused, and so should be reads.
  [[nodiscard]] virtual Result<void> check_versions_known(const Uuid& topic) const = 0;
  [[nodiscard]] virtual StreamRules stream_rules(const Uuid& topic, ByteView key) const = 0;
  /// False: no stream of the topic has rules, now.
  [[nodiscard]] virtual bool any_stream_rules(const Uuid& topic) const = 0;
  /// Replaces the stream's rules; they hold once `done` is called. `expected`: of the stream's
  /// version. kNotFound the topic, kWrongVersion, kTombstoned (it is one already), kInvalid,
  /// kOverloaded (stream_rules_max).
  virtual void put_stream_rules_async(const Uuid& topic, ByteView key, StreamRules rules,
                                      ExpectedVersion expected, Done done) = 0;

  /// Called on the core's thread after each commit group, with what moved. May be called several
  /// times: all listeners are told, in the order given. Before the first append.
  virtual void on_advance(std::function<void(std::span<const PartitionAdvance>)> listener) = 0;

  // --- letting go ---

  /// Moves the log start up to `before` (at most the end); whole segments below are freed. Returns
  /// the new log start.
  virtual Result<Offset> delete_records(const TopicPartition& partition, Offset before) = 0;
  virtual void delete_records_async(const TopicPartition& partition, Offset before,
                                    std::move_only_function<void(Result<Offset>)> done) = 0;

  /// Writes closed segments anew without the events that stream rules and tombstones have let go of
  /// (of one topic, or of all), in the background. Offsets, versions and positions of what remains
  /// do not change; conditions are judged as before. kNotFound the topic; kOverloaded: one is
  /// running; kCancelled; kClosed. What cannot be done in one partition is told by the report.
  virtual void scavenge_async(std::optional<Uuid> topic, ScavengeDone done) = 0;
  /// The same; waits for it.
  virtual Result<ScavengeReport> scavenge(std::optional<Uuid> topic = std::nullopt) = 0;
  /// Ends a scavenge at its next step: what it has done stays done. Fine if none is running.
  virtual void cancel_scavenge() = 0;

  /// Producers that the partition remembers, by id. Waits while another thread runs the core; not
  /// to be called from a completion. kNotFound.
  [[nodiscard]] virtual Result<std::vector<ProducerInfo>> producers(
      const TopicPartition& partition) const = 0;

  [[nodiscard]] virtual StoreStats stats() const = 0;
  [[nodiscard]] virtual StoreState state() const = 0;
  /// Bytes of the partition's segments.
  [[nodiscard]] virtual Result<std::int64_t> size_bytes(const TopicPartition& partition) const = 0;

  /// Refuses new appends, answers what is queued, writes a checkpoint. The destructor alone is like
  /// a kill: safe, but the next open replays the journal.
  virtual Result<void> close() = 0;
};

}  // namespace stele::log
