package stele.clients;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** Kafka's client 2.1: what it says in other words than later ones, and what it cannot say. */
final class Version {
  static void addTo(Map<String, Capability> all, Broker broker) {
    for (String later : Arrays.asList("max-timestamp", "group-protocol-new", "delete-offsets", "cooperative-rebalance",
        "static-member", "alter-offsets", "describe-producers", "elect-leaders", "client-quotas", "reassignments",
        "remove-members", "describe-features")) {
      all.put(later, Capability.notThere("the client has no such call"));
    }
  }

  static TopicDescription describe(AdminClient admin, String topic) throws Exception {
    return admin.describeTopics(Collections.singleton(topic)).all().get().get(topic);
  }

  static OffsetAndMetadata committed(KafkaConsumer<?, ?> consumer, TopicPartition partition) {
    return consumer.committed(partition);
  }

  static String state(ConsumerGroupDescription group) {
    return group.state().toString();
  }

  /** Not incremental: everything else goes back to its default. */
  static void alter(AdminClient admin, String topic, String name, String value) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Config all = new Config(Collections.singleton(new ConfigEntry(name, value)));
    admin.alterConfigs(Collections.singletonMap(resource, all)).all().get();
  }

  static String afterAlter(ConfigEntry other) {
    Broker.check(other.isDefault(), "another setting is still " + other.value());
    return "all settings at once";
  }

  static String logDirs(Broker broker) throws Exception {
    String topic = broker.topic("log-dirs", 2);
    broker.sendNumbers(topic, 2, 0, 100);
    int node = broker.admin.describeCluster().nodes().get().iterator().next().id();
    var dirs = broker.admin.describeLogDirs(Collections.singleton(node)).all().get().get(node);
    Broker.same(dirs.size(), 1, "folders");
    var replica = dirs.values().iterator().next().replicaInfos.get(new TopicPartition(topic, 1));
    Broker.check(replica != null && replica.size > 50, "of partition 1: " + replica);
    return "a folder, sizes";
  }
}
