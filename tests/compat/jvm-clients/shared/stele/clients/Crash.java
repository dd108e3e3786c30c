package stele.clients;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * A producer that sends and a group that reads while the service is killed and started again. Three commands: crash-begin
 * answers when both are under way; then the service is killed and restarted; idempotent and group-restart end them and look.
 */
final class Crash {
  private static final int PARTITIONS = 2;
  private static final int RESTED = 100;

  private final Broker broker;
  private final List<Future<RecordMetadata>> answers = new ArrayList<>();
  private final Semaphore sent = new Semaphore(0);
  private volatile boolean ending;
  private Thread sending;
  private Group group;
  private Group rested;

  private Crash(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Crash crash = new Crash(broker);
    all.put("crash-begin", crash::begin);
    all.put("idempotent", crash::idempotent);
    all.put("group-restart", crash::groupRestart);
  }

  private String begin() throws Exception {
    // A group that has read and rests when it happens.
    String old = broker.topic("rested", PARTITIONS);
    broker.sendNumbers(old, PARTITIONS, 0, RESTED);
    rested = new Group(broker, "rested", old, Group.classic());
    rested.join();
    rested.untilRead(0, RESTED);
    rested.close();

    String topic = broker.topic("crash", PARTITIONS);
    sending = new Thread(() -> send(topic));
    sending.start();
    group = new Group(broker, "crash", topic, Group.classic());
    Member first = group.join();
    Member second = group.join();
    group.untilSplit(Map.of(first, 1, second, 1));
    Broker.until("they read", () -> first.count() > 50 && second.count() > 50);
    return answers.size() + " sent";
  }

  private void send(String topic) {
    try (KafkaProducer<byte[], byte[]> producer = broker.producer("enable.idempotence", true, "acks", "all",
        "compression.type", "lz4", "request.timeout.ms", 5_000, "delivery.timeout.ms", 90_000)) {
      for (int i = 0; !ending; i++) {
        synchronized (answers) {
          answers.add(producer.send(Broker.numbered(topic, PARTITIONS, i)));
        }
        Thread.sleep(1);
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
    sent.release();
  }

  private int sentCount() {
    synchronized (answers) {
      return answers.size();
    }
  }

  /** Ends the sending some records after the restart; only the first call waits for it. */
  private synchronized int end() throws Exception {
    if (!ending) {
      answers.get(sentCount() - 1).get();
      int more = sentCount() + 200;
      Broker.until("some more are sent", () -> sentCount() >= more);
      ending = true;
      sent.acquire();
    }
    return sentCount();
  }

  private String idempotent() throws Exception {
    int count = end();
    for (Future<RecordMetadata> answer : answers) answer.get();
    List<TopicPartition> all = Broker.partitions(broker.named("crash"), PARTITIONS);
    try (KafkaConsumer<byte[], byte[]> consumer = broker.consumer()) {
      consumer.assign(all);
      consumer.seekToBeginning(all);
      List<ConsumerRecord<byte[], byte[]>> came = Broker.readToEnd(consumer, all);
      for (int p = 0; p < PARTITIONS; p++) {
        int partition = p;
        List<Long> numbers = came.stream().filter(record -> record.partition() == partition).map(Broker::number)
            .collect(Collectors.toList());
        for (int i = 0; i < numbers.size(); i++) {
          Broker.same(numbers.get(i), (long) i * PARTITIONS + p, "record " + i + " of partition " + p);
        }
      }
      Broker.same(came.size(), count, "records");
    }
    return count + " records once and in order";
  }

  private String groupRestart() throws Exception {
    int count = end();
    group.untilRead(0, count);
    group.close();
    group.check();
    String topic = broker.named("rested");
    broker.sendNumbers(topic, PARTITIONS, RESTED, RESTED + 20);
    Member back = rested.join();
    rested.untilRead(RESTED, RESTED + 20);
    back.close();
    rested.check();
    Broker.same(back.count(), 20L, "records that the rested group read");
    return count + " records, " + group.repeated() + " more than once";
  }
}
