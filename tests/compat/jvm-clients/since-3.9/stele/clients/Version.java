package stele.clients;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;

/** Kafka's client since 3.9: what it says in other words than 2.1, and what 2.1 cannot say. */
final class Version {
  private final Broker broker;

  private Version(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Version version = new Version(broker);
    all.put("max-timestamp", version::maxTimestamp);
    all.put("group-protocol-new", () -> Groups.rebalance(broker, "protocol-new", "group.protocol", "consumer"));
    all.put("delete-offsets", version::deleteOffsets);
    all.put("cooperative-rebalance", version::cooperative);
    all.put("static-member", version::staticMember);
    all.put("alter-offsets", version::alterOffsets);
    all.put("describe-producers", version::describeProducers);
    all.put("elect-leaders", version::electLeaders);
    all.put("client-quotas", version::quotas);
    all.put("reassignments", version::reassignments);
    all.put("remove-members", version::removeMembers);
    all.put("describe-features", version::features);
  }

  static TopicDescription describe(AdminClient admin, String topic) throws Exception {
    return admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic);
  }

  static OffsetAndMetadata committed(KafkaConsumer<?, ?> consumer, TopicPartition partition) {
    return consumer.committed(Set.of(partition)).get(partition);
  }

  static String state(ConsumerGroupDescription group) {
    return group.state().toString();
  }

  static void alter(AdminClient admin, String topic, String name, String value) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    var operation = new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(operation))).all().get();
  }

  static String afterAlter(ConfigEntry other) {
    Broker.same(other.value(), "20000000", "another setting");
    return "incremental";
  }

  static String logDirs(Broker broker) throws Exception {
    String topic = broker.topic("log-dirs", 2);
    broker.sendNumbers(topic, 2, 0, 100);
    int node = broker.admin.describeCluster().nodes().get().iterator().next().id();
    var dirs = broker.admin.describeLogDirs(Set.of(node)).allDescriptions().get().get(node);
    Broker.same(dirs.size(), 1, "folders");
    var folder = dirs.values().iterator().next();
    Broker.check(folder.replicaInfos().get(new TopicPartition(topic, 1)).size() > 50, "size of partition 1");
    Broker.check(folder.totalBytes().getAsLong() >= folder.usableBytes().getAsLong(), "bytes of the disk");
    return "a folder, sizes, space";
  }

  private String maxTimestamp() throws Exception {
    String topic = broker.topic("max-timestamp", 1);
    // The greatest time lies in the middle.
    try (KafkaProducer<byte[], byte[]> producer = broker.producer()) {
      for (long time : new long[] {100, 900, 500}) {
        producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(topic, 0, time, null, new byte[1])).get();
      }
    }
    TopicPartition partition = new TopicPartition(topic, 0);
    var found = broker.admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get();
    Broker.same(found.offset() + "@" + found.timestamp(), "1@900", "greatest timestamp");
    var last = broker.admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition).get();
    Broker.same(last.offset(), 3L, "latest");
    return "of 3 records";
  }

  private Map<TopicPartition, OffsetAndMetadata> offsets(String group) throws Exception {
    return broker.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
  }

  /** A group that has read a topic of two partitions, and left. */
  private Group left(String name) throws Exception {
    String topic = broker.topic(name, 2);
    broker.sendNumbers(topic, 2, 0, 20);
    Group group = new Group(broker, name, topic, Group.classic());
    group.join();
    group.untilRead(0, 20);
    return group;
  }

  private String deleteOffsets() throws Exception {
    Group group = left("delete-offsets");
    List<TopicPartition> both = Broker.partitions(group.topic, 2);
    String refused = Broker.refusal(
        () -> broker.admin.deleteConsumerGroupOffsets(group.id, Set.of(both.get(0))).partitionResult(both.get(0)).get());
    Broker.same(refused, "GroupSubscribedToTopicException", "while a member is subscribed");
    group.close();
    broker.admin.deleteConsumerGroupOffsets(group.id, Set.of(both.get(0))).all().get();
    Broker.same(offsets(group.id).keySet(), Set.of(both.get(1)), "offsets left");
    return "one of two";
  }

  private String alterOffsets() throws Exception {
    Group group = left("alter-offsets");
    List<TopicPartition> both = Broker.partitions(group.topic, 2);
    var wanted = Map.of(both.get(0), new OffsetAndMetadata(3, Optional.empty(), "set"));
    String refused = Broker.refusal(() -> broker.admin.alterConsumerGroupOffsets(group.id, wanted).all().get());
    Broker.same(refused, "UnknownMemberIdException", "while it has members");
    group.close();
    broker.admin.alterConsumerGroupOffsets(group.id, wanted).all().get();
    Broker.same(offsets(group.id).get(both.get(0)).offset(), 3L, "altered offset");
    Broker.same(offsets(group.id).get(both.get(1)).offset(), 10L, "the other one");
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer("group.id", group.id)) {
      consumer.assign(both);
      Broker.same(Broker.readToEnd(consumer, both).size(), 7, "records from there");
    }
    return "one of two";
  }

  /** The second member's coming takes from the first only what the second gets. */
  private String cooperative() throws Exception {
    String topic = broker.topic("cooperative", Groups.PARTITIONS);
    broker.sendNumbers(topic, Groups.PARTITIONS, 0, 300);
    try (Group group = new Group(broker, "cooperative", topic,
        Group.classic("partition.assignment.strategy", CooperativeStickyAssignor.class.getName()))) {
      Member first = group.join();
      group.untilRead(0, 300);
      Member second = group.join();
      group.untilSplit(Map.of(first, 3, second, 3));
      Broker.same(Set.copyOf(first.taken()), second.owned(), "what the first gave away");
      Broker.same(first.taken().size(), 3, "count of it");
      broker.sendNumbers(topic, Groups.PARTITIONS, 300, 600);
      group.untilRead(300, 600);
      return "3 of 6 partitions moved";
    }
  }

  /** A static member that goes and comes back within its session keeps its partitions, and nobody is rebalanced. */
  private String staticMember() throws Exception {
    String topic = broker.topic("static", Groups.PARTITIONS);
    broker.sendNumbers(topic, Groups.PARTITIONS, 0, 300);
    try (Group group = new Group(broker, "static", topic, Group.classic("session.timeout.ms", 30_000))) {
      Member first = group.join("group.instance.id", "one");
      Member second = group.join("group.instance.id", "two");
      group.untilSplit(Map.of(first, 3, second, 3));
      int before = first.rebalances();
      Set<TopicPartition> had = second.owned();
      second.close();
      Member again = group.join("group.instance.id", "two");
      group.untilSplit(Map.of(first, 3, again, 3));
      Broker.same(again.owned(), had, "partitions of the one that came back");
      broker.sendNumbers(topic, Groups.PARTITIONS, 300, 600);
      group.untilRead(300, 600);
      Broker.same(first.rebalances(), before, "rebalances of the other one");
      var told = broker.admin.describeConsumerGroups(Set.of(group.id)).all().get().get(group.id);
      Broker.check(told.members().stream().allMatch(member -> member.groupInstanceId().isPresent()), "no instance ids");
    }
    return "went and came back without a rebalance";
  }

  private String removeMembers() throws Exception {
    String topic = broker.topic("remove-members", 2);
    try (Group group = new Group(broker, "remove-members", topic, Group.classic("session.timeout.ms", 30_000))) {
      Member first = group.join("group.instance.id", "one");
      Member second = group.join("group.instance.id", "two");
      group.untilSplit(Map.of(first, 1, second, 1));
      // It stays a member when it closes, until it is removed.
      second.close();
      var removed = new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("two")));
      broker.admin.removeMembersFromConsumerGroup(group.id, removed).all().get();
      group.untilSplit(Map.of(first, 2));
    }
    return "a static member";
  }

  private String describeProducers() throws Exception {
    String topic = broker.topic("producers", 1);
    try (KafkaProducer<byte[], byte[]> producer = broker.producer("enable.idempotence", true)) {
      for (int i = 0; i < 3; i++) producer.send(Broker.numbered(topic, 1, i)).get();
      TopicPartition partition = new TopicPartition(topic, 0);
      var found = broker.admin.describeProducers(Set.of(partition)).partitionResult(partition).get().activeProducers();
      Broker.same(found.size(), 1, "producers");
      Broker.same(found.get(0).lastSequence(), 2, "last sequence");
      Broker.same(found.get(0).producerEpoch(), 0, "epoch");
    }
    return "an idempotent one";
  }

  private String electLeaders() throws Exception {
    TopicPartition partition = new TopicPartition(broker.topic("elect", 1), 0);
    var elected = broker.admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).partitions().get();
    Broker.same(elected.get(partition).map(why -> why.getClass().getSimpleName()).orElse("elected"),
        "ElectionNotNeededException", "a preferred leader that leads");
    return "not needed";
  }

  private String quotas() throws Exception {
    var entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, broker.named("slow")));
    var filter = ClientQuotaFilter.containsOnly(
        List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.CLIENT_ID, broker.named("slow"))));
    alterQuota(entity, 1e6);
    Broker.until("the quota is there", () -> broker.admin.describeClientQuotas(filter).entities().get()
        .equals(Map.of(entity, Map.of("producer_byte_rate", 1e6))));
    alterQuota(entity, null);
    Broker.until("the quota is gone", () -> broker.admin.describeClientQuotas(filter).entities().get().isEmpty());
    return "of a client id, set and removed";
  }

  private void alterQuota(ClientQuotaEntity entity, Double rate) throws Exception {
    var change = new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", rate)));
    broker.admin.alterClientQuotas(List.of(change)).all().get();
  }

  private String reassignments() throws Exception {
    Broker.same(broker.admin.listPartitionReassignments().reassignments().get(), Map.of(), "under way");
    return "none under way";
  }

  private String features() throws Exception {
    var features = broker.admin.describeFeatures().featureMetadata().get();
    Broker.check(features.finalizedFeatures() != null, "no features");
    return features.finalizedFeatures().size() + " finalized";
  }
}
