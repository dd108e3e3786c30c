package stele.clients;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** Offsets looked up by time, and the ends. */
final class Offsets {
  private final Broker broker;

  private Offsets(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Offsets offsets = new Offsets(broker);
    all.put("time-lookup", offsets::timeLookup);
    all.put("earliest-latest", offsets::ends);
    all.put("delete-records", offsets::deleteRecords);
  }

  /** Partition 0 has the even numbers and so the even times, partition 1 the odd ones. */
  private String timeLookup() throws Exception {
    String topic = broker.topic("times", 2);
    broker.sendNumbers(topic, 2, 0, 200);
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      TopicPartition even = new TopicPartition(topic, 0);
      TopicPartition odd = new TopicPartition(topic, 1);
      Map<Long, String> wanted = new HashMap<>();
      wanted.put(5L, "0@1000 0@1001");
      wanted.put(1_100L, "50@1100 50@1101");
      wanted.put(1_101L, "51@1102 50@1101");
      wanted.put(1_199L, "none 99@1199");
      wanted.put(1_200L, "none none");
      for (Map.Entry<Long, String> row : wanted.entrySet()) {
        Map<TopicPartition, Long> asked = new HashMap<>();
        asked.put(even, row.getKey());
        asked.put(odd, row.getKey());
        var found = consumer.offsetsForTimes(asked);
        StringBuilder told = new StringBuilder();
        for (TopicPartition partition : List.of(even, odd)) {
          var where = found.get(partition);
          told.append(where == null ? "none " : where.offset() + "@" + where.timestamp() + " ");
        }
        Broker.same(told.toString().trim(), row.getValue(), "at " + row.getKey());
      }
    }
    return "5 times in 2 partitions";
  }

  private String ends() throws Exception {
    String topic = broker.topic("ends", 3);
    broker.sendNumbers(topic, 2, 0, 21);
    List<TopicPartition> all = Broker.partitions(topic, 3);
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      Broker.same(Broker.byPartition(consumer.beginningOffsets(all)), Map.of(0, 0L, 1, 0L, 2, 0L), "beginnings");
      Broker.same(Broker.byPartition(consumer.endOffsets(all)), Map.of(0, 11L, 1, 10L, 2, 0L), "ends");
    }
    return "3 partitions";
  }

  private String deleteRecords() throws Exception {
    String topic = broker.topic("delete-records", 2);
    broker.sendNumbers(topic, 2, 0, 40);
    List<TopicPartition> both = Broker.partitions(topic, 2);
    Map<TopicPartition, RecordsToDelete> before =
        Map.of(both.get(0), RecordsToDelete.beforeOffset(7), both.get(1), RecordsToDelete.beforeOffset(-1));
    var gone = broker.admin.deleteRecords(before).lowWatermarks();
    Broker.same(gone.get(both.get(0)).get().lowWatermark(), 7L, "low watermark");
    Broker.same(gone.get(both.get(1)).get().lowWatermark(), 20L, "low watermark up to the end");
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      Broker.same(Broker.byPartition(consumer.beginningOffsets(both)), Map.of(0, 7L, 1, 20L), "beginnings");
      consumer.assign(both);
      consumer.seekToBeginning(both);
      Broker.same(Broker.readToEnd(consumer, both).size(), 13, "records that are left");
    }
    String refused = Broker.refusal(() -> broker.admin.deleteRecords(
        Map.of(both.get(0), RecordsToDelete.beforeOffset(21))).all().get());
    Broker.same(refused, "OffsetOutOfRangeException", "beyond the end");
    return "27 of 40";
  }
}
