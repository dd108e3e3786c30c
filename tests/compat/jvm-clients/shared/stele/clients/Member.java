package stele.clients;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;

/** One member of a group, on a thread of its own: polls, tells the ledger, commits. */
final class Member implements ConsumerRebalanceListener, AutoCloseable {
  private final Group group;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Thread thread;
  private final Set<TopicPartition> owned = new HashSet<>();
  private final List<TopicPartition> taken = new ArrayList<>();
  private volatile boolean leaving;
  private volatile long count;
  private int rebalances;

  Member(Group group, KafkaConsumer<byte[], byte[]> consumer) {
    this.group = group;
    this.consumer = consumer;
    thread = new Thread(this::run, group.id);
    thread.start();
  }

  private void run() {
    try (KafkaConsumer<byte[], byte[]> open = consumer) {
      open.subscribe(Collections.singletonList(group.topic), this);
      while (!leaving) take(open.poll(Broker.SHORT));
    } catch (Exception problem) {
      group.failed(problem);
    }
  }

  private void take(ConsumerRecords<byte[], byte[]> records) {
    if (records.isEmpty()) return;
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      group.saw(Broker.number(record));
      offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1, "read"));
    }
    count += records.count();
    try {
      consumer.commitSync(offsets);
      group.committed(offsets);
    } catch (CommitFailedException | RetriableException rebalanced) {
      // The partitions are somebody else's now, who reads these records again.
    }
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    for (TopicPartition partition : partitions) group.beginsAt(partition, consumer.position(partition));
    synchronized (owned) {
      owned.addAll(partitions);
      rebalances++;
    }
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
    synchronized (owned) {
      owned.removeAll(partitions);
      taken.addAll(partitions);
    }
  }

  Set<TopicPartition> owned() {
    synchronized (owned) {
      return new HashSet<>(owned);
    }
  }

  /** What it had to give away so far. */
  List<TopicPartition> taken() {
    synchronized (owned) {
      return new ArrayList<>(taken);
    }
  }

  int rebalances() {
    synchronized (owned) {
      return rebalances;
    }
  }

  long count() {
    return count;
  }

  @Override
  public void close() throws InterruptedException {
    leaving = true;
    thread.join();
  }
}
