package stele.clients;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TimeoutException;

/** What every admin client since 2.1 can ask. */
final class Administration {
  private final Broker broker;

  private Administration(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Administration administration = new Administration(broker);
    all.put("create-topic", administration::createTopic);
    all.put("describe-configs", administration::describeConfigs);
    all.put("alter-configs", administration::alterConfigs);
    all.put("create-partitions", administration::createPartitions);
    all.put("list-groups", administration::listGroups);
    all.put("describe-group", administration::describeGroup);
    all.put("delete-group", administration::deleteGroup);
    all.put("delete-topic", administration::deleteTopic);
    all.put("describe-cluster", administration::describeCluster);
    all.put("describe-log-dirs", () -> Version.logDirs(broker));
    all.put("transactions-refused", administration::transactionsRefused);
  }

  private ConfigEntry setting(String topic, String name) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    return broker.admin.describeConfigs(Collections.singleton(resource)).all().get().get(resource).get(name);
  }

  private String createTopic() throws Exception {
    String topic = broker.topic("created", 4, "retention.ms", "86400000", "cleanup.policy", "compact,delete");
    Broker.same(Version.describe(broker.admin, topic).partitions().size(), 4, "partitions");
    Broker.same(setting(topic, "cleanup.policy").value(), "compact,delete", "cleanup.policy");
    NewTopic again = new NewTopic(topic, 4, (short) 1);
    String refused = Broker.refusal(() -> broker.admin.createTopics(Set.of(again)).all().get());
    Broker.same(refused, "TopicExistsException", "a second time");
    NewTopic wrong = new NewTopic(broker.named("wrong"), 1, (short) 1).configs(Map.of("no.such.setting", "1"));
    refused = Broker.refusal(() -> broker.admin.createTopics(Set.of(wrong)).all().get());
    Broker.same(refused, "InvalidConfigurationException", "an unknown setting");
    return "4 partitions, 2 settings";
  }

  private String describeConfigs() throws Exception {
    String topic = broker.topic("described", 1, "segment.bytes", "20000000");
    ConfigEntry given = setting(topic, "segment.bytes");
    Broker.same(given.value(), "20000000", "segment.bytes");
    Broker.same(given.source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "its source");
    ConfigEntry left = setting(topic, "cleanup.policy");
    Broker.same(left.value(), "delete", "cleanup.policy");
    Broker.check(left.isDefault(), "cleanup.policy is " + left.source());
    ConfigResource node = new ConfigResource(ConfigResource.Type.BROKER,
        broker.admin.describeCluster().nodes().get().iterator().next().idString());
    int count = broker.admin.describeConfigs(Set.of(node)).all().get().get(node).entries().size();
    Broker.check(count > 5, count + " settings of the broker");
    return "a topic's, the broker's";
  }

  private String alterConfigs() throws Exception {
    String topic = broker.topic("altered", 1, "segment.bytes", "20000000");
    Version.alter(broker.admin, topic, "retention.ms", "1234567");
    Broker.until("retention.ms is altered", () -> setting(topic, "retention.ms").value().equals("1234567"));
    String refused = Broker.refusal(() -> {
      Version.alter(broker.admin, topic, "retention.ms", "soon");
      return null;
    });
    Broker.same(refused, "InvalidConfigurationException", "a value that is none");
    return Version.afterAlter(setting(topic, "segment.bytes"));
  }

  private String createPartitions() throws Exception {
    String topic = broker.topic("grows", 2);
    broker.sendNumbers(topic, 2, 0, 20);
    broker.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
    Broker.until("4 partitions", () -> Version.describe(broker.admin, topic).partitions().size() == 4);
    broker.sendNumbers(topic, 4, 20, 60);
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      Broker.same(Broker.byPartition(consumer.endOffsets(Broker.partitions(topic, 4))), Map.of(0, 20L, 1, 20L, 2, 10L, 3, 10L),
          "ends");
    }
    String refused =
        Broker.refusal(() -> broker.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
    Broker.same(refused, "InvalidPartitionsException", "fewer partitions");
    return "2 to 4";
  }

  private Set<String> groups() throws Exception {
    return broker.admin.listConsumerGroups().all().get().stream().map(group -> group.groupId()).collect(Collectors.toSet());
  }

  /** A group with one member that owns the only partition and has read. */
  private Group live(String name) throws Exception {
    String topic = broker.topic(name, 1);
    broker.sendNumbers(topic, 1, 0, 10);
    Group group = new Group(broker, name, topic, Group.classic());
    group.join();
    group.untilRead(0, 10);
    return group;
  }

  private String listGroups() throws Exception {
    try (Group group = live("listed")) {
      Broker.check(groups().contains(group.id), "not in the list: " + group.id);
      return "a live one";
    }
  }

  private String describeGroup() throws Exception {
    try (Group group = live("described-group")) {
      var told = broker.admin.describeConsumerGroups(Set.of(group.id)).all().get().get(group.id);
      Broker.same(Version.state(told), "Stable", "state");
      Broker.same(told.partitionAssignor(), "range", "assignor");
      Broker.same(told.members().size(), 1, "members");
      var member = told.members().iterator().next();
      Broker.same(member.clientId(), broker.client, "client id");
      Broker.check(member.host().contains("127.0.0.1") || member.host().contains(":1"), "host " + member.host());
      Broker.same(member.assignment().topicPartitions(), Set.copyOf(Broker.partitions(group.topic, 1)), "partitions");
      var offsets = broker.admin.listConsumerGroupOffsets(group.id).partitionsToOffsetAndMetadata().get();
      var at = offsets.get(Broker.partitions(group.topic, 1).get(0));
      Broker.same(at.offset() + at.metadata(), "10read", "its offset");
      return "state, member, partitions, offsets";
    }
  }

  private String deleteGroup() throws Exception {
    Group group = live("deleted-group");
    String refused = Broker.refusal(() -> broker.admin.deleteConsumerGroups(Set.of(group.id)).all().get());
    Broker.same(refused, "GroupNotEmptyException", "with a member");
    group.close();
    broker.admin.deleteConsumerGroups(Set.of(group.id)).all().get();
    Broker.check(!groups().contains(group.id), "still in the list: " + group.id);
    refused = Broker.refusal(() -> broker.admin.deleteConsumerGroups(Set.of(group.id)).all().get());
    Broker.same(refused, "GroupIdNotFoundException", "a second time");
    return "an empty one";
  }

  private String deleteTopic() throws Exception {
    String topic = broker.topic("deleted", 2);
    broker.sendNumbers(topic, 2, 0, 10);
    broker.admin.deleteTopics(List.of(topic)).all().get();
    Broker.until("the topic is gone", () -> !broker.admin.listTopics().names().get().contains(topic));
    String refused = Broker.refusal(() -> Version.describe(broker.admin, topic));
    Broker.same(refused, "UnknownTopicOrPartitionException", "describing it");
    return "2 partitions";
  }

  private String describeCluster() throws Exception {
    var cluster = broker.admin.describeCluster();
    Broker.same(cluster.nodes().get().size(), 1, "nodes");
    Broker.same(cluster.controller().get().id(), cluster.nodes().get().iterator().next().id(), "controller");
    Broker.check(!cluster.clusterId().get().isEmpty(), "no cluster id");
    return "a node, its own controller";
  }

  /** Stele has no transactions: the producer is told at once, not when its time is over. Kafka itself serves them. */
  private String transactionsRefused() throws Exception {
    long began = System.nanoTime();
    try (KafkaProducer<byte[], byte[]> producer =
        broker.producer("transactional.id", broker.named("transactional"), "max.block.ms", 20_000)) {
      producer.initTransactions();
      return "served";
    } catch (KafkaException refused) {
      Broker.check(!(refused instanceof TimeoutException), "ends with " + refused);
      Broker.check(System.nanoTime() - began < 10_000_000_000L, "takes over 10 s");
      return refused.getClass().getSimpleName();
    }
  }
}
