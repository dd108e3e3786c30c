package stele;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Does what the lines of its standard input ask, each a command with words separated by tabs, and answers each with one line:
 * "ok …", or "error" and the exception's class. Files of records are those of tests/e2e/history.py.
 *
 * <p>Arguments: BOOTSTRAP
 */
public final class Session {
  private final String bootstrap;
  private final Admin admin;

  private Session(String bootstrap) {
    this.bootstrap = bootstrap;
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
  }

  public static void main(String[] args) throws Exception {
    Session session = new Session(args[0]);
    var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String answer;
      try {
        answer = "ok " + session.run(line.split("\t"));
      } catch (ExecutionException refused) {
        answer = "error " + refused.getCause().getClass().getSimpleName() + " " + refused.getCause().getMessage();
      } catch (RuntimeException refused) {
        answer = "error " + refused.getClass().getSimpleName() + " " + refused.getMessage();
      }
      System.out.println(answer.replace('\n', ' '));
    }
    session.admin.close();
  }

  private String run(String[] words) throws Exception {
    return switch (words[0]) {
      case "produce" -> produce(words[1], words[2], words[3], words[4].equals("true"), Path.of(words[5]));
      case "consume" -> consume(words[1], Path.of(words[2]));
      case "times" -> times(words[1], Long.parseLong(words[2]));
      case "create" -> create(words[1], Integer.parseInt(words[2]), Arrays.copyOfRange(words, 3, words.length));
      case "delete" -> String.valueOf(admin.deleteTopics(List.of(words[1])).all().get() == null);
      case "describe" -> describe(words[1]);
      case "config" -> config(words[1], words[2]);
      case "topics" -> String.join(" ", admin.listTopics().names().get().stream().sorted().toList());
      case "cluster" -> admin.describeCluster().nodes().get().toString();
      default -> throw new IllegalArgumentException(words[0]);
    };
  }

  private String produce(String topic, String codec, String acks, boolean idempotent, Path file) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "acks", acks, "enable.idempotence",
        idempotent, "compression.type", codec, "linger.ms", 5, "delivery.timeout.ms", 60_000);
    List<Future<RecordMetadata>> answers = new ArrayList<>();
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        var lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] parts = line.split("\t", 4);
        var record = new ProducerRecord<>(topic, null, Long.parseLong(parts[0]), parts[1], parts[3]);
        for (String pair : parts[2].split(",")) {
          int equals = pair.indexOf('=');
          record.headers().add(pair.substring(0, equals), pair.substring(equals + 1).getBytes(StandardCharsets.UTF_8));
        }
        answers.add(producer.send(record));
      }
    }
    for (Future<RecordMetadata> answer : answers) answer.get();
    return String.valueOf(answers.size());
  }

  private KafkaConsumer<String, String> consumer() {
    return new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", false), new StringDeserializer(),
        new StringDeserializer());
  }

  private static List<TopicPartition> partitionsOf(KafkaConsumer<?, ?> consumer, String topic) {
    return consumer.partitionsFor(topic).stream().map(info -> new TopicPartition(topic, info.partition())).toList();
  }

  private String consume(String topic, Path file) throws Exception {
    long count = 0;
    try (var consumer = consumer(); BufferedWriter out = Files.newBufferedWriter(file)) {
      List<TopicPartition> partitions = partitionsOf(consumer, topic);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
      while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
        if (System.nanoTime() > deadline) throw new IllegalStateException(count + " records within 60 s");
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          out.write(lineOf(record));
          count++;
        }
      }
    }
    return String.valueOf(count);
  }

  private static String lineOf(ConsumerRecord<String, String> record) {
    String headers = Arrays.stream(record.headers().toArray())
        .map((Header header) -> header.key() + "=" + new String(header.value(), StandardCharsets.UTF_8))
        .collect(Collectors.joining(","));
    return record.partition() + "\t" + record.offset() + "\t" + record.timestamp() + "\t" + record.key() + "\t" + headers
        + "\t" + record.value() + "\n";
  }

  /** For each partition the offset and time of the first record at or after a time. */
  private String times(String topic, long at) {
    try (var consumer = consumer()) {
      Map<TopicPartition, Long> asked = new HashMap<>();
      partitionsOf(consumer, topic).forEach(partition -> asked.put(partition, at));
      var found = new TreeMap<Integer, String>();
      consumer.offsetsForTimes(asked).forEach((TopicPartition partition, OffsetAndTimestamp where) ->
          found.put(partition.partition(), where == null ? "none" : where.offset() + ":" + where.timestamp()));
      return found.toString();
    }
  }

  private String create(String topic, int partitions, String[] settings) throws Exception {
    var asked = new NewTopic(topic, partitions, (short) 1);
    asked.configs(Arrays.stream(settings).map(setting -> setting.split("=", 2))
        .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1])));
    var created = admin.createTopics(List.of(asked));
    created.all().get();
    return created.topicId(topic).get() + " " + created.numPartitions(topic).get();
  }

  private String describe(String topic) throws Exception {
    TopicDescription told = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    return told.topicId() + " " + told.partitions().size();
  }

  private String config(String topic, String name) throws Exception {
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    var entry = admin.describeConfigs(List.of(resource)).all().get().get(resource).get(name);
    return entry == null ? "none" : entry.value() + " " + entry.source();
  }
}
