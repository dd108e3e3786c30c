// The thread-safe front of the core: queues what callers submit, and lets whoever comes first run
// the core for all.
//
//   caller ─► queue (mutex) ─► whoever holds core_mutex_ ─► Core
//   the others wait until something was answered, or until the core is free again
//
// Lock order: core_mutex_ before queue_mutex_; neither is held while a caller's code runs, but
// core_mutex_ during completions (which is why they must not block on the store).
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "log/store/core.h"

namespace stele::log {

struct OrderedRange;

class StoreImpl final : public Store {
public:
  StoreImpl(std::unique_ptr<Env> owned_env, std::unique_ptr<FolderLock> lock,
            std::unique_ptr<StoreParts> parts, std::chrono::nanoseconds open_took);
  ~StoreImpl() override;

  [[nodiscard]] Uuid id() const override { return parts().id; }
  [[nodiscard]] Env& env() const override { return parts().env; }

  Result<TopicPtr> create_topic(const TopicSpec& spec) override;
  Result<void> delete_topic(const Uuid& topic) override;
  Result<TopicPtr> configure_topic(const Uuid& topic, const TopicSettings& settings) override;
  Result<TopicPtr> add_partitions(const Uuid& topic, std::int32_t partition_count) override;
  [[nodiscard]] TopicPtr find_topic(std::string_view name) const override;
  [[nodiscard]] TopicPtr find_topic(const Uuid& id) const override;
  [[nodiscard]] std::vector<TopicPtr> topics() const override;
  void create_topic_async(TopicSpec spec, TopicDone done) override;
  void delete_topic_async(const Uuid& topic, Done done) override;
  void configure_topic_async(const Uuid& topic, TopicSettings settings, TopicDone done) override;
  void add_partitions_async(const Uuid& topic, std::int32_t partition_count,
                            TopicDone done) override;

  [[nodiscard]] Properties properties() const override { return *properties_.load(); }
  void put_properties_async(PropertyChanges changes, Done done) override;

  Result<AppendOutcome> append(AppendRequest request) override;
  Result<AppendedBatch> append(std::string_view topic, const Event& event) override;
  Result<AppendOutcome> append(std::string_view topic, std::span<const Event> events) override;
  void submit(AppendRequest request, AppendDone done) override;
  std::size_t poll() override;
  void run_until(const std::function<bool()>& enough) override;
  void maintain() override;
  Result<std::int64_t> reserve_producer_ids(std::int32_t count) override;
  void reserve_producer_ids_async(
      std::int32_t count, std::move_only_function<void(Result<std::int64_t>)> done) override;

  [[nodiscard]] Result<PartitionEnds> ends(const TopicPartition& partition) const override;
  [[nodiscard]] Result<ReadOutcome> read(const TopicPartition& partition, Offset from,
                                         ByteSpan into) const override;
  [[nodiscard]] Result<std::optional<TimedOffset>> find_time(
      const TopicPartition& partition, std::int64_t timestamp_ms) const override;
  [[nodiscard]] Result<std::optional<TimedOffset>> find_latest_time(
      const TopicPartition& partition) const override;
  [[nodiscard]] Position end() const override { return core_.end(); }
  [[nodiscard]] Result<OrderedRead> read_all(Position from, std::size_t bytes_max) const override;
  [[nodiscard]] Result<OrderedRead> read_topic(const Uuid& topic, Position from,
                                               std::size_t bytes_max) const override;
  [[nodiscard]] Result<OrderedRead> read_batch_at(Position position) const override;
  [[nodiscard]] Result<std::optional<Position>> first_match(const ConditionItem& item,
                                                            Position from,
                                                            Position below) const override;
  [[nodiscard]] Result<Position> find_recorded(std::int64_t recorded_us) const override;
  [[nodiscard]] std::int32_t timeline() const override { return parts().timeline; }
  [[nodiscard]] const TermIndex& index() const override { return *parts().index; }
  [[nodiscard]] Result<void> check_versions_known(const Uuid& topic) const override {
    return parts().sequencer.check_versions_known(topic);
  }
  [[nodiscard]] StreamRules stream_rules(const Uuid& topic, ByteView key) const override;
  [[nodiscard]] bool any_stream_rules(const Uuid& topic) const override;
  void put_stream_rules_async(const Uuid& topic, ByteView key, StreamRules rules,
                              ExpectedVersion expected, Done done) override;
  bool wait_for(Position position, std::chrono::nanoseconds longest) const override;
  bool wait_for(const TopicPartition& partition, Offset offset,
                std::chrono::nanoseconds longest) const override;
  void on_advance(std::function<void(std::span<const PartitionAdvance>)> listener) override;
  Result<Offset> delete_records(const TopicPartition& partition, Offset before) override;
  void delete_records_async(const TopicPartition& partition, Offset before,
                            std::move_only_function<void(Result<Offset>)> done) override;
  void scavenge_async(std::optional<Uuid> topic, ScavengeDone done) override;
  Result<ScavengeReport> scavenge(std::optional<Uuid> topic) override;
  void cancel_scavenge() override;
  [[nodiscard]] Result<std::vector<ProducerInfo>> producers(
      const TopicPartition& partition) const override;

  [[nodiscard]] StoreStats stats() const override;
  [[nodiscard]] StoreState state() const override { return core_.state(); }
  [[nodiscard]] Result<std::int64_t> size_bytes(const TopicPartition& partition) const override;
  Result<void> close() override;

private:
  [[nodiscard]] const StoreParts& parts() const { return core_.parts(); }
  [[nodiscard]] Result<PartitionPtr> find_partition(const TopicPartition& partition) const;
  struct FoundBatch {
    OrderEntry ordered;
    PartitionPtr partition;
    std::optional<StoredBatch> place;
    [[nodiscard]] std::size_t bytes() const { return place ? place->batch_bytes : 0; }
  };
  [[nodiscard]] Result<FoundBatch> find_batch(const OrderEntry& entry) const;
  [[nodiscard]] Result<OrderedRead> read_ordered(const OrderedRange& range) const;
  Result<void> gather_terms_of(AppendRequest& request) const;
  void enqueue(Operation operation);
  Result<AppendOutcome> run_blocking(Operation operation);
  void drain();
  void keep_index();
  void lead(const std::function<bool()>& enough);
  void tell_waiters();
  Operation topic_creation(TopicSpec spec, std::shared_ptr<TopicPtr> created);
  Operation topic_deletion(const Uuid& topic);
  /// What it changes: settings, or the partition count.
  struct TopicChange {
    std::optional<TopicSettings> settings;
    std::int32_t partition_count = 0;  ///< 0: as it is
  };
  Operation topic_change(const Uuid& topic, TopicChange change, std::shared_ptr<TopicPtr> changed);
  [[nodiscard]] Result<void> check_partition_count(const CatalogueEvent& event,
                                                   std::int32_t added) const;
  void submit_topic_operation(Operation operation, std::shared_ptr<TopicPtr> topic, TopicDone done);
  Operation producer_reservation(std::int32_t count, std::shared_ptr<std::int64_t> first);
  Result<void> set_event(Operation& operation, const CatalogueEvent& event);
  Result<void> name_topic(CatalogueEvent& event);
  void forget_topic(const TopicEntry& topic);
  Result<void> check_stream_event(const StreamEvent& event, const ExpectedVersion& expected) const;
  void submit_stream_event(std::shared_ptr<const StreamEvent> event, ExpectedVersion expected,
                           Done done);

  std::unique_ptr<Env> owned_env_;
  std::unique_ptr<FolderLock> lock_;
  std::chrono::nanoseconds open_took_;

  mutable std::mutex core_mutex_;  ///< who holds it runs the core
  Core core_;

  std::atomic<std::shared_ptr<const Properties>> properties_;

  std::atomic<std::uint32_t> next_partition_ = 0;  ///< for events without a key

  std::mutex queue_mutex_;
  std::deque<Operation> queue_;
  bool closing_ = false;

  mutable std::mutex wait_mutex_;  ///< guards the two below
  mutable std::condition_variable waiters_;
  std::uint64_t answers_ = 0;  ///< grows whenever a waiter should look again
  std::vector<std::function<void(std::span<const PartitionAdvance>)>> listeners_;
};

}  // namespace stele::log
