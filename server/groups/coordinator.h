// All groups of the service: who they are, how far they have got, where they are kept.
//
//   JoinGroup, Heartbeat, … ─► Coordinator ─► ClassicGroup | ConsumerGroup   (state machines)
//   OffsetCommit, …         ─►     │      ─► CommittedOffsets
//                                  └─ records ─► OffsetsTopic ─► durable ─► answer
//
// Invariants: the groups are the fold of `__consumer_offsets` (load()); a success that promises
// something is answered only when its record is durable; offsets are never ahead of the log; a
// request is answered exactly once. Until the topic is there (when_ready) and after drain() the
// answer is COORDINATOR_NOT_AVAILABLE, which clients retry.
// Done callbacks run inside the call or later; they must not call the coordinator.
// Thread: the loop's. Store, env and timers outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "log/env/env.h"
#include "log/store/store.h"
#include "server/core/log.h"
#include "server/core/prometheus.h"
#include "server/core/timer_queue.h"
#include "server/groups/classic_group.h"
#include "server/groups/committed_offsets.h"
#include "server/groups/consumer_group.h"
#include "server/groups/offsets_topic.h"
#include "server/groups/visible_topics.h"
#include "server/kafka/wire/group_admin.h"
#include "server/kafka/wire/group_offsets.h"

namespace stele::groups {

using LeaveDone = std::move_only_function<void(const kafka::LeaveGroupResponse&)>;
using HeartbeatDone = std::move_only_function<void(const kafka::ConsumerGroupHeartbeatResponse&)>;
using CommitDone = std::move_only_function<void(const kafka::OffsetCommitResponse&)>;
using FetchDone = std::move_only_function<void(kafka::OffsetFetchResponseGroup)>;
using OffsetDeleteDone = std::move_only_function<void(const kafka::OffsetDeleteResponse&)>;
using ErrorDone = std::move_only_function<void(kafka::ErrorCode)>;

class Coordinator final : private ClassicHost {
public:
  Coordinator(log::Store& store, Env& env, server::TimerQueue& timers, GroupSettings settings);
  ~Coordinator() override;

  /// Reads all groups from the topic, if it is there. Before anything else. kCorrupt, kIo.
  [[nodiscard]] Result<void> load();
  /// Makes the topic if need be. The errors of making a topic.
  void when_ready(Done done);
  [[nodiscard]] bool ready() const { return topic_.is_there() && !draining_; }
  /// Answers everybody who waits, and from now on everybody else, with COORDINATOR_NOT_AVAILABLE.
  void drain();

  // --- classic groups ---
  void join(const JoinCall& call, JoinDone done);
  void sync(const kafka::SyncGroupRequest& request, SyncDone done);
  [[nodiscard]] kafka::ErrorCode heartbeat(const kafka::HeartbeatRequest& request);
  /// `request.members` are leaving, in every version; groups of KIP-848 have them removed.
  void leave(const kafka::LeaveGroupRequest& request, LeaveDone done);

  // --- groups of KIP-848 ---
  void heartbeat(const kafka::ConsumerGroupHeartbeatRequest& request,
                 const HeartbeatContext& context, HeartbeatDone done);
  [[nodiscard]] kafka::DescribedConsumerGroup describe_consumers(std::string_view group_id) const;
  /// A topic was made or has grown.
  void on_topic_changed(std::string_view name);
  /// Who knows what single groups are set to; asked when a group is made. Before load().
  using ConsumerOverrides = std::function<void(std::string_view, ConsumerGroupConfig&)>;
  void set_consumer_overrides(ConsumerOverrides overrides) {
    consumer_overrides_ = std::move(overrides);
  }
  /// The group is set to something else now; members see it at their next heartbeat.
  void on_group_configured(std::string_view group_id);

  // --- offsets ---
  void commit(const kafka::OffsetCommitRequest& request, std::int16_t version, CommitDone done);
  /// After the group's commits that are on their way. Topics are named by id from version 10 on.
  void fetch(const kafka::OffsetFetchRequestGroup& request, std::int16_t version, FetchDone done);
  void delete_offsets(const kafka::OffsetDeleteRequest& request, OffsetDeleteDone done);
  /// Its offsets go with it.
  void on_topic_deleted(std::string_view name);

  // --- administration ---
  /// Views the group's bytes.
  [[nodiscard]] kafka::DescribedGroup describe(std::string_view group_id,
                                               std::int16_t version) const;
  [[nodiscard]] std::vector<kafka::ListedGroup> list(const kafka::ListGroupsRequest& request) const;
  void delete_group(std::string_view group_id, ErrorDone done);

  void print(server::PrometheusText& out) const;
  [[nodiscard]] std::size_t group_count() const { return groups_.size(); }

private:
  struct Group {
    std::string id;
    std::uint64_t number = 0;               ///< tells it from an earlier one of the same name
    std::unique_ptr<ClassicGroup> classic;  ///< this, the next or neither
    std::unique_ptr<ConsumerGroup> consumers;
    /// Records of `consumers` were refused: it is ahead of the log, and is to be loaded anew.
    bool is_ahead = false;
    CommittedOffsets offsets;
    std::set<std::uint64_t> writing;  ///< numbers of the writes that are not answered yet
    std::multimap<std::uint64_t, std::move_only_function<void()>> after_writes;
    std::size_t counted_bytes = 0;
    server::TimerQueue::Id timer;
    Time armed_for = kNeverDue;
  };
  /// A group that may be gone when it is needed again.
  struct GroupRef {
    std::string id;
    std::uint64_t number = 0;
  };
  struct Commit;
  /// What is known of classic groups while records are read: they are built once, from their last.
  struct Loading {
    std::map<std::string, Bytes, std::less<>> classic;
    std::int64_t unreadable = 0;
  };
  using Groups = std::map<std::string, Group, std::less<>>;

  // ClassicHost
  [[nodiscard]] ClassicHost& host() { return *this; }
  Time now() override { return env_.now(); }
  std::int64_t wall_ms() override { return env_.wall_us() / 1000; }
  std::string new_member_id(std::string_view prefix) override;
  void store(ClassicGroup& group, Result<GroupRecord> record, StoreTicket ticket) override;
  void count_rebalance() override { ++rebalance_count_; }

  // groups
  [[nodiscard]] Group* find(std::string_view id);
  [[nodiscard]] const Group* find(std::string_view id) const;
  [[nodiscard]] Group* find(const GroupRef& ref);
  /// Null at group_count_max.
  Group* make(std::string_view id);
  void forget(Group& group);
  void settle(Group& group);
  void arm(Group& group, Time deadline);
  void on_timer(const GroupRef& ref);
  [[nodiscard]] static GroupRef ref(const Group& group) { return {group.id, group.number}; }
  [[nodiscard]] kafka::ErrorCode check_join(const JoinCall& call) const;
  void report_refused(std::string_view group, const Error& error);
  void append(Group& group, std::span<const GroupRecord> records, OffsetsTopic::Appended done);
  void on_written(const GroupRef& ref, std::uint64_t number);
  /// Once all writes of the group so far are answered; at once if there are none.
  void after_writes(Group& group, std::move_only_function<void()> action);
  [[nodiscard]] OffsetsTopic::Appended then(Group& group, OffsetsTopic::Appended done);

  // groups of KIP-848
  void leave_consumers(Group& group, const kafka::LeaveGroupRequest& request, LeaveDone done);
  [[nodiscard]] std::optional<kafka::ErrorCode> prepare_consumers(
      const kafka::ConsumerGroupHeartbeatRequest& request, std::vector<GroupRecord>& records);
  void append_consumers(Group& group, std::span<const GroupRecord> records);
  [[nodiscard]] ConsumerGroupConfig consumer_config(std::string_view group_id) const;
  [[nodiscard]] std::unique_ptr<ConsumerGroup> make_consumers(const std::string& id) const;
  /// An empty one makes room for a classic group.
  void drop_consumers(Group& group);
  void reload(Group& group);

  // loading
  void fold(Loading& loading, Offset at, ByteView key, std::optional<ByteView> value);
  void fold_offset(Loading& loading, Offset at, ByteView key, std::optional<ByteView> value);
  void finish_loading(Loading& loading);
  void fold_consumers(Loading& loading, ByteView key, std::optional<ByteView> value,
                      std::string_view group_id);
  [[nodiscard]] Group& loaded(std::string_view id);

  // offsets
  [[nodiscard]] kafka::ErrorCode check_commit(const kafka::OffsetCommitRequest& request,
                                              std::int16_t version);
  [[nodiscard]] bool is_current(const CommittedOffset& offset, const log::TopicPtr& topic) const;
  /// What a fetch asks for, freed of its frame.
  struct WantedTopic {
    std::string name;
    Uuid id;
    bool is_there = false;
    std::vector<std::int32_t> partitions{};
  };
  [[nodiscard]] std::vector<WantedTopic> wanted_of(
      const std::vector<kafka::OffsetFetchRequestTopic>& topics, std::int16_t version) const;
  [[nodiscard]] std::vector<WantedTopic> all_of(const Group* group) const;
  void fill(kafka::OffsetFetchResponseGroup& response, const Group* group,
            const std::vector<WantedTopic>& wanted, std::int16_t version) const;
  void add_to_commit(Commit& commit, const Group& group,
                     const kafka::OffsetCommitRequestTopic& topic,
                     const kafka::OffsetCommitRequest& request, std::int16_t version);
  void finish_commit(Commit& commit, const Result<Offset>& base);
  void erase_offsets(Group& group, std::vector<OffsetPlace> places, bool and_group, ErrorDone done);
  [[nodiscard]] static bool is_unused(const Group& group);
  [[nodiscard]] static bool is_subscribed_to(const Group& group, std::string_view topic);
  void erase_group(Group& group, std::vector<OffsetPlace> places, ErrorDone done);
  void forget_offsets(Group& group, const std::vector<OffsetPlace>& places, Offset written_at);
  void check_retention();
  void check_retention_of(Group& group, std::int64_t now_ms);
  [[nodiscard]] bool is_expired(const Group& group, std::string_view topic,
                                const CommittedOffset& offset, std::int64_t now_ms) const;

  log::Store& store_;
  Env& env_;
  server::TimerQueue& timers_;
  const GroupSettings settings_;
  OffsetsTopic topic_;
  VisibleTopics visible_topics_;
  ConsumerOverrides consumer_overrides_;
  Groups groups_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_write_ = 0;
  std::size_t memory_bytes_ = 0;
  std::size_t offset_count_ = 0;
  server::TimerQueue::Id retention_timer_;
  bool draining_ = false;
  server::LogLimit refused_log_;
  std::int64_t rebalance_count_ = 0;
  std::int64_t committed_count_ = 0;
  std::int64_t refused_count_ = 0;
  std::int64_t expired_count_ = 0;
};

}  // namespace stele::groups
