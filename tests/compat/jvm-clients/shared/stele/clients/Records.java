package stele.clients;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/** Records of every shape, sent in every codec, and what comes back. */
final class Records {
  private static final int PARTITIONS = 3;
  private static final int COUNT = 900;
  private static final long TIME = 1_700_000_000_000L;

  private final Broker broker;

  private Records(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Records records = new Records(broker);
    for (String codec : Arrays.asList("none", "gzip", "snappy", "lz4", "zstd")) {
      all.put("codec-" + codec, () -> records.roundTrip(codec));
    }
    all.put("headers", records::headers);
    all.put("null-key", () -> records.nulls(true));
    all.put("null-value", () -> records.nulls(false));
    all.put("assign", records::assign);
  }

  /** Keys, values and headers of many sizes, also null and empty: the same ones for every client. */
  private static List<ProducerRecord<byte[], byte[]>> shapes(String topic) {
    Random random = new Random(7);
    List<ProducerRecord<byte[], byte[]>> all = new ArrayList<>();
    for (int i = 0; i < COUNT; i++) {
      byte[] key = i % 7 == 0 ? null : bytes(random, i % 40, false);
      byte[] value = i % 11 == 0 ? null : bytes(random, i % 13 == 0 ? 0 : random.nextInt(3000), i % 2 == 0);
      ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, i % PARTITIONS, TIME + i * 10L, key, value);
      for (int h = 0; h < i % 4; h++) record.headers().add("h" + h % 2, h == 2 ? null : bytes(random, h * 5, false));
      all.add(record);
    }
    return all;
  }

  private static byte[] bytes(Random random, int size, boolean repetitive) {
    byte[] made = new byte[size];
    if (repetitive) Arrays.fill(made, (byte) random.nextInt());
    else random.nextBytes(made);
    return made;
  }

  private void send(List<ProducerRecord<byte[], byte[]>> records, String codec) throws Exception {
    List<Future<RecordMetadata>> answers = new ArrayList<>();
    try (KafkaProducer<byte[], byte[]> producer =
        broker.producer("compression.type", codec, "linger.ms", 20, "acks", "all")) {
      for (ProducerRecord<byte[], byte[]> record : records) answers.add(producer.send(record));
    }
    for (Future<RecordMetadata> answer : answers) answer.get();
  }

  private List<ConsumerRecord<byte[], byte[]>> read(List<TopicPartition> partitions) throws Exception {
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      return Broker.readToEnd(consumer, partitions);
    }
  }

  private String roundTrip(String codec) throws Exception {
    String topic = broker.topic("codec." + codec, PARTITIONS);
    List<ProducerRecord<byte[], byte[]>> sent = shapes(topic);
    send(sent, codec);
    List<ConsumerRecord<byte[], byte[]>> came = read(Broker.partitions(topic, PARTITIONS));
    for (int p = 0; p < PARTITIONS; p++) {
      int partition = p;
      List<String> wanted = sent.stream().filter(record -> record.partition() == partition)
          .map(record -> line(record.timestamp(), record.key(), record.value(), record.headers().toArray()))
          .collect(Collectors.toList());
      List<ConsumerRecord<byte[], byte[]>> here =
          came.stream().filter(record -> record.partition() == partition).collect(Collectors.toList());
      Broker.same(here.size(), wanted.size(), "records of partition " + p);
      for (int i = 0; i < here.size(); i++) {
        ConsumerRecord<byte[], byte[]> record = here.get(i);
        Broker.same(record.offset(), (long) i, "offset");
        Broker.same(line(record.timestamp(), record.key(), record.value(), record.headers().toArray()), wanted.get(i),
            "record " + i + " of partition " + p);
      }
    }
    return came.size() + " records byte for byte";
  }

  private static String line(long time, byte[] key, byte[] value, Header[] headers) {
    return time + " " + Arrays.toString(key) + " " + Arrays.toString(value) + " " + Arrays.stream(headers)
        .map(header -> header.key() + "=" + Arrays.toString(header.value())).collect(Collectors.joining(","));
  }

  private String headers() throws Exception {
    String topic = broker.topic("headers", 1);
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, new byte[] {1});
    record.headers().add("twice", new byte[] {1}).add("b", new byte[] {(byte) 200, 0}).add("twice", new byte[] {2});
    record.headers().add("empty", new byte[0]).add("null", null).add("ünïcode", "ä".getBytes(StandardCharsets.UTF_8));
    send(Collections.singletonList(record), "none");
    ConsumerRecord<byte[], byte[]> came = read(Broker.partitions(topic, 1)).get(0);
    Broker.same(line(0, null, null, came.headers().toArray()), line(0, null, null, record.headers().toArray()), "headers");
    return "6 headers";
  }

  private String nulls(boolean keys) throws Exception {
    String topic = broker.topic(keys ? "null-key" : "null-value", 1);
    List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
    for (byte[] bytes : Arrays.asList(null, new byte[0], new byte[] {0})) {
      sent.add(new ProducerRecord<>(topic, 0, keys ? bytes : new byte[] {1}, keys ? new byte[] {1} : bytes));
    }
    send(sent, "none");
    List<ConsumerRecord<byte[], byte[]>> came = read(Broker.partitions(topic, 1));
    for (int i = 0; i < sent.size(); i++) {
      Broker.check(Arrays.equals(came.get(i).key(), sent.get(i).key()), "key " + i);
      Broker.check(Arrays.equals(came.get(i).value(), sent.get(i).value()), "value " + i);
    }
    return "null, empty and one byte";
  }

  private String assign() throws Exception {
    String topic = broker.topic("assign", PARTITIONS);
    broker.sendNumbers(topic, PARTITIONS, 0, 300);
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      List<TopicPartition> two = Broker.partitions(topic, 2);
      consumer.assign(two);
      consumer.seek(two.get(0), 40);
      consumer.seek(two.get(1), 70);
      List<Long> numbers = Broker.readToEnd(consumer, two).stream().map(Broker::number).sorted().collect(Collectors.toList());
      List<Long> wanted = new ArrayList<>();
      for (long i = 0; i < 300; i++) {
        if (i % 3 == 0 && i / 3 >= 40 || i % 3 == 1 && i / 3 >= 70) wanted.add(i);
      }
      Broker.same(numbers, wanted, "from the middle of two partitions");
      return numbers.size() + " records";
    }
  }
}
