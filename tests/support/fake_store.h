// An in-memory Store for tests of what stands on it: same answers, no disk. submit() and the async
// calls are answered by poll(), in order, unless the test holds them back or makes them fail.
//
// Producers are not deduplicated here: that is tested against the real store.
// Thread: one.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "log/store/store.h"

namespace stele::test {

class FakeStore final : public log::Store {
public:
  FakeStore();
  ~FakeStore() override;

  // --- the test's hands ---
  void hold(bool held) { held_ = held; }  ///< poll() answers nothing meanwhile
  void fail_appends(std::optional<Code> code) { append_failure_ = code; }
  void fail_reads(std::optional<Code> code) { read_failure_ = code; }
  void set_state(log::StoreState state) { state_ = state; }
  void set_epoch(std::int32_t epoch) { epoch_ = epoch; }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] std::int64_t submitted() const { return submitted_; }

  // --- Store ---
  [[nodiscard]] Uuid id() const override;
  /// It has none: aborts.
  [[nodiscard]] Env& env() const override;
  Result<log::TopicPtr> create_topic(const log::TopicSpec& spec) override;
  Result<void> delete_topic(const Uuid& topic) override;
  Result<log::TopicPtr> configure_topic(const Uuid& topic,
                                        const log::TopicSettings& settings) override;
  Result<log::TopicPtr> add_partitions(const Uuid& topic, std::int32_t partition_count) override;
  [[nodiscard]] log::TopicPtr find_topic(std::string_view name) const override;
  [[nodiscard]] log::TopicPtr find_topic(const Uuid& id) const override;
  [[nodiscard]] std::vector<log::TopicPtr> topics() const override;
  void create_topic_async(log::TopicSpec spec, log::TopicDone done) override;
  void delete_topic_async(const Uuid& topic, Done done) override;
  void configure_topic_async(const Uuid& topic, log::TopicSettings settings,
                             log::TopicDone done) override;
  void add_partitions_async(const Uuid& topic, std::int32_t partition_count,
                            log::TopicDone done) override;
  [[nodiscard]] log::Properties properties() const override { return properties_; }
  void put_properties_async(log::PropertyChanges changes, Done done) override;
  Result<log::AppendOutcome> append(log::AppendRequest request) override;
  Result<log::AppendedBatch> append(std::string_view topic, const log::Event& event) override;
  Result<log::AppendOutcome> append(std::string_view topic,
                                    std::span<const log::Event> events) override;
  void submit(log::AppendRequest request, log::AppendDone done) override;
  std::size_t poll() override;
  void run_until(const std::function<bool()>& enough) override;
  void maintain() override {}
  Result<std::int64_t> reserve_producer_ids(std::int32_t count) override;
  void reserve_producer_ids_async(
      std::int32_t count, std::move_only_function<void(Result<std::int64_t>)> done) override;
  [[nodiscard]] Result<log::PartitionEnds> ends(const TopicPartition& partition) const override;
  [[nodiscard]] Result<log::ReadOutcome> read(const TopicPartition& partition, Offset from,
                                              ByteSpan into) const override;
  [[nodiscard]] Result<std::optional<log::TimedOffset>> find_time(
      const TopicPartition& partition, std::int64_t timestamp_ms) const override;
  [[nodiscard]] Result<std::optional<log::TimedOffset>> find_latest_time(
      const TopicPartition& partition) const override;
  [[nodiscard]] Position end() const override { return position_; }
  [[nodiscard]] Result<log::OrderedRead> read_all(Position from,
                                                  std::size_t bytes_max) const override;
  /// Nothing is found by stream, type, tag, or order: reads of them answer kUnsupported.
  [[nodiscard]] Result<log::OrderedRead> read_topic(const Uuid& topic, Position from,
                                                    std::size_t bytes_max) const override;
  [[nodiscard]] Result<log::OrderedRead> read_batch_at(Position position) const override;
  [[nodiscard]] Result<std::optional<Position>> first_match(const log::ConditionItem& item,
                                                            Position from,
                                                            Position below) const override;
  [[nodiscard]] Result<Position> find_recorded(std::int64_t recorded_us) const override;
  [[nodiscard]] std::int32_t timeline() const override { return 0; }
  [[nodiscard]] const log::TermIndex& index() const override;
  [[nodiscard]] Result<void> check_versions_known(const Uuid& /*topic*/) const override {
    return {};
  }
  [[nodiscard]] bool any_stream_rules(const Uuid& /*topic*/) const override { return false; }
  [[nodiscard]] log::StreamRules stream_rules(const Uuid& topic, ByteView key) const override;
  void put_stream_rules_async(const Uuid& topic, ByteView key, log::StreamRules rules,
                              log::ExpectedVersion expected, Done done) override;
  bool wait_for(Position position, std::chrono::nanoseconds longest) const override;
  bool wait_for(const TopicPartition& partition, Offset offset,
                std::chrono::nanoseconds longest) const override;
  void on_advance(std::function<void(std::span<const log::PartitionAdvance>)> listener) override;
  Result<Offset> delete_records(const TopicPartition& partition, Offset before) override;
  void delete_records_async(const TopicPartition& partition, Offset before,
                            std::move_only_function<void(Result<Offset>)> done) override;
  /// Finds nothing to remove.
  void scavenge_async(std::optional<Uuid> topic, log::ScavengeDone done) override;
  Result<log::ScavengeReport> scavenge(std::optional<Uuid> topic) override;
  void cancel_scavenge() override {}
  /// Those that the test has set.
  [[nodiscard]] Result<std::vector<log::ProducerInfo>> producers(
      const TopicPartition& partition) const override;
  void set_producers(const TopicPartition& partition, std::vector<log::ProducerInfo> producers) {
    producers_[partition] = std::move(producers);
  }
  [[nodiscard]] log::StoreStats stats() const override;
  [[nodiscard]] log::StoreState state() const override { return state_; }
  [[nodiscard]] Result<std::int64_t> size_bytes(const TopicPartition& partition) const override;
  Result<void> close() override;

private:
  struct Partition {
    std::vector<Bytes> batches;
    Offset start;
    Offset end;
  };
  Partition* find(const TopicPartition& id);
  [[nodiscard]] const Partition* find(const TopicPartition& id) const;
  Result<log::AppendedBatch> append_one(const log::BatchAppend& batch);
  /// poll() does the work and answers.
  template <class Work, class WorkDone>
  void answer_later(Work work, WorkDone done);

  std::map<Uuid, log::TopicPtr> topics_;
  std::map<TopicPartition, Partition> partitions_;
  std::map<TopicPartition, std::vector<log::ProducerInfo>> producers_;
  log::Properties properties_;
  std::deque<std::move_only_function<void()>> queue_;
  std::function<void(std::span<const log::PartitionAdvance>)> listener_;
  std::optional<Code> append_failure_;
  std::optional<Code> read_failure_;
  log::StoreState state_ = log::StoreState::kOpen;
  Position position_;
  std::int64_t next_producer_id_ = 1000;
  std::int64_t submitted_ = 0;
  std::uint64_t next_topic_ = 1;
  std::int32_t epoch_ = 0;
  bool held_ = false;
};

}  // namespace stele::test
