package stele.clients;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The broker under test as one client sees it. Topics and groups carry the client's name, so that clients don't meet. */
final class Broker {
  static final Duration SHORT = Duration.ofMillis(100);
  private static final long WITHIN_NS = Duration.ofSeconds(60).toNanos();

  final String bootstrap;
  final String client;
  final AdminClient admin;

  Broker(String bootstrap, String client) {
    this.bootstrap = bootstrap;
    this.client = client;
    admin = AdminClient.create(settings());
  }

  /** NAME, VALUE, … and where the broker is. It comes back fast to a client that lost it. */
  Map<String, Object> settings(Object... more) {
    Map<String, Object> all = new HashMap<>();
    all.put("bootstrap.servers", bootstrap);
    all.put("client.id", client);
    all.put("reconnect.backoff.ms", 20);
    all.put("reconnect.backoff.max.ms", 200);
    for (int i = 0; i < more.length; i += 2) all.put((String) more[i], more[i + 1]);
    return all;
  }

  KafkaProducer<byte[], byte[]> producer(Object... more) {
    return new KafkaProducer<>(settings(more), new ByteArraySerializer(), new ByteArraySerializer());
  }

  KafkaConsumer<byte[], byte[]> consumer(Object... more) {
    Map<String, Object> all = settings("enable.auto.commit", false, "auto.offset.reset", "earliest");
    for (int i = 0; i < more.length; i += 2) all.put((String) more[i], more[i + 1]);
    return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  String named(String name) {
    return client + "." + name;
  }

  /** A new topic; its name. */
  String topic(String name, int partitions, String... settings) throws Exception {
    NewTopic wanted = new NewTopic(named(name), partitions, (short) 1);
    Map<String, String> configs = new HashMap<>();
    for (int i = 0; i < settings.length; i += 2) configs.put(settings[i], settings[i + 1]);
    admin.createTopics(Collections.singleton(wanted.configs(configs))).all().get();
    until("the topic is known", () -> Version.describe(admin, wanted.name()).partitions().size() == partitions);
    return wanted.name();
  }

  static ProducerRecord<byte[], byte[]> numbered(String topic, int partitions, int i) {
    return new ProducerRecord<>(topic, i % partitions, 1_000L + i, null, String.valueOf(i).getBytes(StandardCharsets.US_ASCII));
  }

  /** Sends "FROM" … "TO - 1" to the partitions in turn, each with its number + 1000 as time, and waits for the answers. */
  void sendNumbers(String topic, int partitions, int from, int to) throws Exception {
    List<Future<RecordMetadata>> answers = new ArrayList<>();
    try (KafkaProducer<byte[], byte[]> producer = producer("acks", "all", "linger.ms", 5)) {
      for (int i = from; i < to; i++) answers.add(producer.send(numbered(topic, partitions, i)));
    }
    for (Future<RecordMetadata> answer : answers) answer.get();
  }

  static long number(ConsumerRecord<byte[], byte[]> record) {
    return Long.parseLong(new String(record.value(), StandardCharsets.US_ASCII));
  }

  static List<TopicPartition> partitions(String topic, int count) {
    return IntStream.range(0, count).mapToObj(i -> new TopicPartition(topic, i)).collect(Collectors.toList());
  }

  static <T> Map<Integer, T> byPartition(Map<TopicPartition, T> map) {
    Map<Integer, T> sorted = new TreeMap<>();
    map.forEach((partition, what) -> sorted.put(partition.partition(), what));
    return sorted;
  }

  /** Everything from where the consumer stands to the ends. */
  static List<ConsumerRecord<byte[], byte[]>> readToEnd(
      KafkaConsumer<byte[], byte[]> consumer, Collection<TopicPartition> partitions) throws Exception {
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    until("read to the ends", () -> {
      consumer.poll(SHORT).forEach(all::add);
      return partitions.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition));
    });
    return all;
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }

  static void same(Object found, Object wanted, String what) {
    check(found.equals(wanted), what + ": " + found + ", not " + wanted);
  }

  /** Waits until it is true. An exception counts as not yet. */
  static void until(String what, Callable<Boolean> holds) throws Exception {
    long deadline = System.nanoTime() + WITHIN_NS;
    Exception problem = null;
    while (System.nanoTime() < deadline) {
      try {
        if (holds.call()) return;
        problem = null;
      } catch (Exception notYet) {
        problem = notYet;
      }
      Thread.sleep(10);
    }
    throw new IllegalStateException("not within a minute: " + what + (problem == null ? "" : ", " + problem));
  }

  /** The name of the exception's class that the call ends with. */
  static String refusal(Callable<?> call) {
    try {
      call.call();
      return "none";
    } catch (java.util.concurrent.ExecutionException refused) {
      return refused.getCause().getClass().getSimpleName();
    } catch (Exception refused) {
      return refused.getClass().getSimpleName();
    }
  }
}
