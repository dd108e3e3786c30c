package stele.clients;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** A consumer group that reads a topic of numbers, and a ledger of what its members saw and committed. */
final class Group implements AutoCloseable {
  final Broker broker;
  final String id;
  final String topic;
  private final Object[] settings;
  private final List<Member> members = new ArrayList<>();
  private final Map<Long, Integer> seen = new ConcurrentHashMap<>();
  private final Map<TopicPartition, Long> committed = new ConcurrentHashMap<>();
  private volatile String problem = "";

  /** `settings` are those of every member. */
  Group(Broker broker, String name, String topic, Object... settings) {
    this.broker = broker;
    this.id = broker.named(name);
    this.topic = topic;
    this.settings = settings;
  }

  /** What a member of a classic group is quick with. */
  static Object[] classic(Object... more) {
    List<Object> all = new ArrayList<>(List.of("session.timeout.ms", 10_000, "heartbeat.interval.ms", 200));
    all.addAll(List.of(more));
    return all.toArray();
  }

  Member join(Object... more) {
    List<Object> all = new ArrayList<>(List.of("group.id", id));
    all.addAll(List.of(settings));
    all.addAll(List.of(more));
    Member member = new Member(this, broker.consumer(all.toArray()));
    members.add(member);
    return member;
  }

  void saw(long number) {
    seen.merge(number, 1, Integer::sum);
  }

  void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
    offsets.forEach((partition, at) -> committed.merge(partition, at.offset(), Math::max));
  }

  /** A member begins here: nowhere before what was committed. */
  void beginsAt(TopicPartition partition, long offset) {
    long known = committed.getOrDefault(partition, 0L);
    if (offset < known) problem = partition + " goes on at " + offset + ", committed was " + known;
  }

  void failed(Exception why) {
    problem = String.valueOf(why);
  }

  boolean sawAll(int from, int to) {
    return IntStream.range(from, to).allMatch(i -> seen.containsKey((long) i));
  }

  /** Waits until they saw them all, and committed to the ends. */
  void untilRead(int from, int to) throws Exception {
    Broker.until(id + " saw " + from + " to " + to, () -> {
      check();
      return sawAll(from, to);
    });
    try (KafkaConsumer<byte[], byte[]> asking = broker.consumer("group.id", id)) {
      List<TopicPartition> all = Broker.partitions(topic, asking.partitionsFor(topic).size());
      Map<TopicPartition, Long> ends = asking.endOffsets(all);
      Broker.until(id + " committed to the ends", () -> {
        for (TopicPartition partition : all) {
          OffsetAndMetadata at = Version.committed(asking, partition);
          if ((at == null ? 0 : at.offset()) != ends.get(partition)) return false;
        }
        return true;
      });
    }
  }

  /** Waits until the members own all partitions, each as many as said, none in two hands. */
  void untilSplit(Map<Member, Integer> wanted) throws Exception {
    int all = wanted.values().stream().mapToInt(Integer::intValue).sum();
    Broker.until(id + " is split", () -> {
      check();
      Set<TopicPartition> owned = new HashSet<>();
      for (Map.Entry<Member, Integer> one : wanted.entrySet()) {
        if (one.getKey().owned().size() != one.getValue()) return false;
        owned.addAll(one.getKey().owned());
      }
      return owned.size() == all;
    });
  }

  /** Records that were delivered more than once. */
  long repeated() {
    return seen.values().stream().filter(times -> times > 1).count();
  }

  void check() {
    Broker.check(problem.isEmpty(), problem);
  }

  Map<TopicPartition, Long> ledger() {
    return new HashMap<>(committed);
  }

  @Override
  public void close() throws Exception {
    for (Member member : members) member.close();
  }
}
