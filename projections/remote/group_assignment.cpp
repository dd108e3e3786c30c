// A member of a consumer group, for what it is assigned alone: librdkafka speaks the protocol,
// partitions are paused as soon as they are assigned, and no record is taken.
#include <algorithm>

#include "log/base/fail.h"
#include "projections/remote/assignments.h"
#include "projections/remote/kafka_client.h"
#include "projections/remote/kafka_reader.h"

namespace stele::projections {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr milliseconds kCloseWithin{5'000};
constexpr milliseconds kServeEvery{100};
constexpr int kHeartbeatsPerSession = 4;

std::string_view name_of(GroupStrategy strategy) {
  switch (strategy) {
    case GroupStrategy::kRange:
      return "range";
    case GroupStrategy::kRoundRobin:
      return "roundrobin";
    case GroupStrategy::kCooperativeSticky:
      break;
  }
  return "cooperative-sticky";
}

KafkaPartitions copy_of(const rd_kafka_topic_partition_list_t* list) {
  return KafkaPartitions(list != nullptr ? rd_kafka_topic_partition_list_copy(list)
                                         : rd_kafka_topic_partition_list_new(0));
}

class GroupAssignment final : public Assignment {
public:
  GroupAssignment(GroupOptions options, std::shared_ptr<KafkaClient> client)
      : options_(std::move(options)),
        client_(std::move(client)),
        events_(rd_kafka_queue_get_consumer(client_->get())) {}
  ~GroupAssignment() override;

  Result<void> join();
  Result<AssignmentChange> poll(nanoseconds longest) override;
  Result<void> confirm() override;
  Result<void> commit(const Checkpoint& checkpoint) override;

private:
  Result<void> take(rd_kafka_event_t* event);
  Result<void> assigned(const rd_kafka_topic_partition_list_t* list);
  void revoked(const rd_kafka_topic_partition_list_t* list);
  Result<void> let_go();
  [[nodiscard]] bool cooperative() const {
    const char* protocol = rd_kafka_rebalance_protocol(client_->get());
    return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
  }
  [[nodiscard]] std::string place() const {
    return fmt::format("kafka {}: group {}", options_.kafka.brokers, options_.group);
  }

  GroupOptions options_;
  std::shared_ptr<KafkaClient> client_;
  KafkaQueue events_;
  std::vector<std::int32_t> held_;  ///< sorted
  AssignmentChange pending_;        ///< told, not confirmed
  KafkaPartitions going_;           ///< revoked, not let go of yet
};

Result<void> GroupAssignment::join() {
  const KafkaPartitions topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options_.topics.front().c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client_->get(), topics.get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(kafka_error(error, place()));
  return {};
}

GroupAssignment::~GroupAssignment() {
  // Leaves the group, so that the others need not wait for the session's end.
  static_cast<void>(let_go());
  const KafkaQueue closing(rd_kafka_queue_new(client_->get()));
  const KafkaFailure failure(rd_kafka_consumer_close_queue(client_->get(), closing.get()));
  const auto until = steady_clock::now() + kCloseWithin;
  while (!failure && !rd_kafka_consumer_closed(client_->get()) && steady_clock::now() < until) {
    const KafkaEvent event(rd_kafka_queue_poll(closing.get(), timeout_ms(kServeEvery)));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE)
      rd_kafka_assign(client_->get(), nullptr);
  }
}

Result<AssignmentChange> GroupAssignment::poll(nanoseconds longest) {
  const auto until = steady_clock::now() + std::min<nanoseconds>(longest, std::chrono::hours(24));
  for (;;) {
    if (!pending_.removed.empty() || !pending_.added.empty()) return pending_;
    STELE_DO(client_->poll(milliseconds(0)));
    const nanoseconds left = until - steady_clock::now();
    const KafkaEvent event(
        rd_kafka_queue_poll(events_.get(), timeout_ms(std::min<nanoseconds>(left, kServeEvery))));
    if (event) {
      STELE_DO(take(event.get()));
    } else if (left <= nanoseconds(0)) {
      return AssignmentChange{};
    }
  }
}

Result<void> GroupAssignment::take(rd_kafka_event_t* event) {
  if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_REBALANCE) return {};
  const auto kind = rd_kafka_event_error(event);
  const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event);
  if (kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) return assigned(list);
  revoked(list);
  return pending_.removed.empty() ? let_go() : Result<void>();
}

Result<void> GroupAssignment::assigned(const rd_kafka_topic_partition_list_t* list) {
  const KafkaPartitions taken = copy_of(list);
  for (int i = 0; i < taken->cnt; ++i) {
    taken->elems[i].offset = RD_KAFKA_OFFSET_END;
    pending_.added.push_back(taken->elems[i].partition);
  }
  std::ranges::sort(pending_.added);
  const auto error = [&] {
    if (!cooperative()) return rd_kafka_assign(client_->get(), taken.get());
    const KafkaFailure failure(rd_kafka_incremental_assign(client_->get(), taken.get()));
    return rd_kafka_error_code(failure.get());
  }();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(kafka_error(error, place()));
  rd_kafka_pause_partitions(client_->get(), taken.get());
  return {};
}

void GroupAssignment::revoked(const rd_kafka_topic_partition_list_t* list) {
  going_ = copy_of(list);
  for (int i = 0; i < going_->cnt; ++i) {
    const std::int32_t partition = going_->elems[i].partition;
    if (std::ranges::binary_search(held_, partition)) pending_.removed.push_back(partition);
  }
  std::ranges::sort(pending_.removed);
}

Result<void> GroupAssignment::let_go() {
  if (!going_) return {};
  const KafkaPartitions gone = std::move(going_);
  const auto error = [&] {
    if (!cooperative()) return rd_kafka_assign(client_->get(), nullptr);
    const KafkaFailure failure(rd_kafka_incremental_unassign(client_->get(), gone.get()));
    return rd_kafka_error_code(failure.get());
  }();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(kafka_error(error, place()));
  return {};
}

Result<void> GroupAssignment::confirm() {
  std::erase_if(held_, [&](std::int32_t partition) {
    return std::ranges::binary_search(pending_.removed, partition);
  });
  held_.insert(held_.end(), pending_.added.begin(), pending_.added.end());
  std::ranges::sort(held_);
  pending_ = {};
  return let_go();
}

Result<void> GroupAssignment::commit(const Checkpoint& checkpoint) {
  const KafkaPartitions places(
      rd_kafka_topic_partition_list_new(static_cast<int>(checkpoint.places().size())));
  for (const InputPlace& place : checkpoint.places()) {
    if (!std::ranges::binary_search(held_, place.input.partition)) continue;
    rd_kafka_topic_partition_list_add(places.get(), place.input.topic.c_str(),
                                      place.input.partition)
        ->offset = place.next;
  }
  if (places->cnt == 0) return {};
  // Not waited for: the next one says it again.
  if (const auto error = rd_kafka_commit(client_->get(), places.get(), 1);
      error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(kafka_error(error, place() + ": commit"));
  return {};
}

KafkaSettings group_settings(const GroupOptions& options) {
  KafkaSettings settings = {
      {"group.id", options.group},
      {"partition.assignment.strategy", std::string(name_of(options.strategy))},
      {"session.timeout.ms", std::to_string(options.session_timeout.count())},
      {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(
                                    options.session_timeout.count() / kHeartbeatsPerSession, 1))},
      {"max.poll.interval.ms",
       std::to_string(std::max<std::int64_t>(options.session_timeout.count(), 300'000))},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
  };
  if (!options.instance_id.empty()) settings.emplace_back("group.instance.id", options.instance_id);
  const KafkaSettings shared = kafka_settings(options.kafka);
  settings.insert(settings.end(), shared.begin(), shared.end());
  return settings;
}

}  // namespace

Result<std::unique_ptr<Assignment>> group_assignment(GroupOptions options) {
  if (options.topics.empty() || options.group.empty())
    return fail(Code::kInvalid, "a group assignment needs a group and a topic");
  STELE_TRY(auto client, KafkaClient::open(
                             RD_KAFKA_CONSUMER, group_settings(options), [](rd_kafka_conf_t* conf) {
                               rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE);
                             }));
  STELE_TRY(const auto counts,
            client->partition_counts(options.topics, options.kafka.answer_within));
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts[i] != counts[0])
      return fail(
          Code::kInvalid,
          "topics are not copartitioned: {} has {} partitions, {} has {}; rekey one of them",
          options.topics[0], counts[0], options.topics[i], counts[i]);
  }
  auto assignment = std::make_unique<GroupAssignment>(std::move(options), std::move(client));
  STELE_DO(assignment->join());
  return assignment;
}

}  // namespace stele::projections
