#include "server/kafka/setting_tables.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "log/base/fail.h"

namespace stele::kafka {

namespace {

using log::SettingInfo;
using enum log::SettingType;

// Sorted by name. Defaults are Kafka's where Stele does the same, else what Stele does.
constexpr std::array kBrokerTable = std::to_array<SettingInfo>({
    {"advertised.listeners", kString, "", "What clients are told to connect to."},
    {"authorizer.class.name", kString, "", "No authorizer: everybody may do everything."},
    {"auto.create.topics.enable", kBoolean, "true", "Topics are made when clients ask for them."},
    {"auto.leader.rebalance.enable", kBoolean, "false", "One node: it leads everything."},
    {"background.threads", kInt, "1", "Threads for slow flushes, cold reads and compaction."},
    {"broker.id", kInt, "1", "The older name of node.id."},
    {"broker.rack", kString, "", "One node: no racks."},
    {"compression.type", kString, "producer", "Batches stay as their producer compressed them."},
    {"connections.max.idle.ms", kLong, "600000", "A connection without traffic is closed then."},
    {"controlled.shutdown.enable", kBoolean, "false", "One node: nobody to hand over to."},
    {"default.replication.factor", kInt, "1", "One node, one copy."},
    {"delete.topic.enable", kBoolean, "true", "Topics can be deleted."},
    {"fetch.max.bytes", kInt, "4194304", "Largest answer to a fetch, but for one larger batch."},
    {"group.consumer.assignors", kList, "uniform,range",
     "How the service assigns partitions to consumers that leave it to the service."},
    {"group.consumer.heartbeat.interval.ms", kInt, "5000",
     "How often consumers whom the service assigns partitions tell that they live."},
    {"group.consumer.max.heartbeat.interval.ms", kInt, "15000",
     "Most that a group's consumer.heartbeat.interval.ms may be."},
    {"group.consumer.max.session.timeout.ms", kInt, "60000",
     "Most that a group's consumer.session.timeout.ms may be."},
    {"group.consumer.min.heartbeat.interval.ms", kInt, "5000",
     "Least that a group's consumer.heartbeat.interval.ms may be."},
    {"group.consumer.min.session.timeout.ms", kInt, "45000",
     "Least that a group's consumer.session.timeout.ms may be."},
    {"group.consumer.session.timeout.ms", kInt, "45000",
     "Consumers whom the service assigns partitions and who are silent so long have left."},
    {"group.coordinator.rebalance.protocols", kList, "classic,consumer",
     "The group protocols that are spoken."},
    {"group.initial.rebalance.delay.ms", kInt, "3000",
     "How long an empty group waits for more members before its first rebalance."},
    {"group.max.session.timeout.ms", kInt, "1800000", "Longest session timeout of a member."},
    {"group.max.size", kInt, "10000", "Members of one group."},
    {"group.min.session.timeout.ms", kInt, "6000", "Shortest session timeout of a member."},
    {"inter.broker.protocol.version", kString, "4.3-IV0",
     "One node speaks to no other; the level of Kafka's protocol that is served."},
    {"listeners", kString, "", "What the Kafka protocol is served on."},
    {"log.cleaner.delete.retention.ms", kLong, "86400000", "Default of delete.retention.ms."},
    {"log.cleaner.enable", kBoolean, "true", "Compacted topics are compacted."},
    {"log.cleaner.max.compaction.lag.ms", kLong, "9223372036854775807",
     "Default of max.compaction.lag.ms."},
    {"log.cleaner.min.cleanable.ratio", kDouble, "0.5", "Default of min.cleanable.dirty.ratio."},
    {"log.cleaner.min.compaction.lag.ms", kLong, "0", "Default of min.compaction.lag.ms."},
    {"log.cleanup.policy", kList, "delete", "Default of cleanup.policy."},
    {"log.dir", kString, "", "Folder of the store, as log.dirs."},
    {"log.dirs", kString, "", "Folder of the store."},
    {"log.flush.interval.messages", kLong, "1", "Flushed before every acknowledgement."},
    {"log.flush.interval.ms", kLong, "0", "Flushed before every acknowledgement."},
    {"log.index.interval.bytes", kInt, "4096", "Default of index.interval.bytes."},
    {"log.index.size.max.bytes", kInt, "10485760", "Default of segment.index.bytes."},
    {"log.message.timestamp.after.max.ms", kLong, "3600000",
     "Default of message.timestamp.after.max.ms."},
    {"log.message.timestamp.before.max.ms", kLong, "9223372036854775807",
     "Default of message.timestamp.before.max.ms."},
    {"log.message.timestamp.type", kString, "CreateTime", "Default of message.timestamp.type."},
    {"log.preallocate", kBoolean, "false", "Default of preallocate."},
    {"log.retention.bytes", kLong, "-1", "Default of retention.bytes: no limit."},
    {"log.retention.ms", kLong, "-1", "Default of retention.ms: kept for ever."},
    {"log.roll.jitter.ms", kLong, "0", "Default of segment.jitter.ms."},
    {"log.roll.ms", kLong, "604800000", "Default of segment.ms."},
    {"log.segment.bytes", kInt, "1073741824", "Default of segment.bytes."},
    {"log.segment.delete.delay.ms", kLong, "60000", "Default of file.delete.delay.ms."},
    {"max.connection.creation.rate", kInt, "2147483647", "Connections accepted in a second."},
    {"max.connections", kInt, "10000", "Client connections at a time."},
    {"max.connections.per.ip", kInt, "1000", "Client connections at a time from one address."},
    {"max.connections.per.ip.overrides", kString, "", "The same for some addresses."},
    {"max.incremental.fetch.session.cache.slots", kInt, "1000", "Fetch sessions at a time."},
    {"max.request.partition.size.limit", kInt, "2000",
     "Partitions in one answer to DescribeTopicPartitions."},
    {"message.max.bytes", kInt, "1048588", "Default of max.message.bytes."},
    {"metric.reporters", kList, "", "Metrics are served over HTTP."},
    {"min.insync.replicas", kInt, "1", "One node, one copy."},
    {"node.id", kInt, "1", "This broker's id."},
    {"num.io.threads", kInt, "1", "One thread: sockets and core."},
    {"num.network.threads", kInt, "1", "One thread: sockets and core."},
    {"num.partitions", kInt, "1", "Partitions of topics that are made without a count."},
    {"num.replica.fetchers", kInt, "0", "One node: nothing to replicate."},
    {"offset.metadata.max.bytes", kInt, "4096", "Text beside a committed offset."},
    {"offsets.retention.check.interval.ms", kLong, "600000",
     "How often old committed offsets are looked for."},
    {"offsets.retention.minutes", kInt, "10080",
     "Committed offsets are kept so long after their group was last in use."},
    {"offsets.topic.num.partitions", kInt, "50", "Partitions of __consumer_offsets."},
    {"offsets.topic.replication.factor", kInt, "1", "One node, one copy."},
    {"process.roles", kList, "broker,controller", "This node is both."},
    {"producer.id.expiration.ms", kInt, "86400000",
     "A silent producer's last batches are remembered so long."},
    {"queued.max.request.bytes", kLong, "268435456", "Requests and answers in memory."},
    {"quota.window.num", kInt, "11", "Samples that a rate is measured over."},
    {"quota.window.size.seconds", kInt, "1", "Length of such a sample."},
    {"sasl.enabled.mechanisms", kList, "", "Nobody has to prove who they are."},
    {"security.inter.broker.protocol", kString, "PLAINTEXT", "One node speaks to no other."},
    {"socket.request.max.bytes", kInt, "104857600", "Largest request."},
    {"ssl.client.auth", kString, "none", "TLS is not served."},
    {"stele.index", kBoolean, "true", "Default of the topics' setting of this name."},
    {"super.users", kString, "", "No authorizer: there are no others."},
    {"unclean.leader.election.enable", kBoolean, "false", "One node: there is no election."},
});

constexpr std::string_view kSession = "consumer.session.timeout.ms";
constexpr std::string_view kHeartbeat = "consumer.heartbeat.interval.ms";

constexpr std::array kGroupTable = std::to_array<SettingInfo>({
    {kHeartbeat, kInt, "5000", "How often this group's consumers tell that they live."},
    {kSession, kInt, "45000", "A consumer of this group that is silent so long has left."},
});

struct Synonym {
  std::string_view topic;
  std::string_view broker;
};

/// Kafka's broker setting behind a topic's, where it is not just "log." in front.
constexpr std::array kSynonyms = std::to_array<Synonym>({
    {"compression.type", "compression.type"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"flush.ms", "log.flush.interval.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"segment.jitter.ms", "log.roll.jitter.ms"},
    {"segment.ms", "log.roll.ms"},
    {"stele.index", "stele.index"},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
});

Result<std::int32_t> bounded(std::string_view name, std::string_view value, std::int32_t least,
                             std::int32_t most) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    return fail(Code::kInvalid, "Invalid value {} for configuration {}: Not a number of type INT",
                value, name);
  }
  if (number < least) {
    return fail(
        Code::kInvalid, "{} must be greater than or equal to group.{} ({})", name,
        name == kSession ? "consumer.min.session.timeout.ms" : "consumer.min.heartbeat.interval.ms",
        least);
  }
  if (number > most) {
    return fail(
        Code::kInvalid, "{} must be less than or equal to group.{} ({})", name,
        name == kSession ? "consumer.max.session.timeout.ms" : "consumer.max.heartbeat.interval.ms",
        most);
  }
  return number;
}

}  // namespace

std::span<const SettingInfo> broker_setting_table() {
  return kBrokerTable;
}

std::span<const SettingInfo> group_setting_table() {
  return kGroupTable;
}

const SettingInfo* find_setting(std::span<const SettingInfo> table, std::string_view name) {
  const auto at = std::ranges::lower_bound(table, name, {}, &SettingInfo::name);
  return at != table.end() && at->name == name ? &*at : nullptr;
}

std::string broker_synonym(std::string_view topic_setting) {
  const auto at = std::ranges::find(kSynonyms, topic_setting, &Synonym::topic);
  return at != kSynonyms.end() ? std::string(at->broker) : fmt::format("log.{}", topic_setting);
}

Result<void> check_group_settings(const log::TopicSettings& settings) {
  for (const auto& [name, value] : settings) {
    if (find_setting(kGroupTable, name) == nullptr) {
      return fail(Code::kNotFound, "Unknown group config name: {}", name);
    }
    const bool is_session = name == kSession;
    STELE_TRY([[maybe_unused]] const std::int32_t number,
              bounded(name, value, is_session ? 45'000 : 5'000, is_session ? 60'000 : 15'000));
  }
  return {};
}

std::int8_t type_number(log::SettingType type) {
  switch (type) {
    case kBoolean:
      return 1;
    case kString:
      return 2;
    case kInt:
      return 3;
    case kLong:
      return 5;
    case kDouble:
      return 6;
    case kList:
      return 7;
  }
  return 0;
}

}  // namespace stele::kafka
