package stele.clients;

import java.util.Map;

/** Groups of the classic protocol; the capabilities that newer clients add are in Version. */
final class Groups {
  static final int PARTITIONS = 6;

  private final Broker broker;

  private Groups(Broker broker) {
    this.broker = broker;
  }

  static void addTo(Map<String, Capability> all, Broker broker) {
    Groups groups = new Groups(broker);
    all.put("group-rebalance", () -> rebalance(groups.broker, "rebalance", Group.classic()));
  }

  /** A member reads all; a second joins and gets half; both read what comes then; the first leaves, the second has all. */
  static String rebalance(Broker broker, String name, Object... settings) throws Exception {
    String topic = broker.topic(name, PARTITIONS);
    broker.sendNumbers(topic, PARTITIONS, 0, 600);
    try (Group group = new Group(broker, name, topic, settings)) {
      Member first = group.join();
      group.untilRead(0, 600);
      group.untilSplit(Map.of(first, PARTITIONS));
      Member second = group.join();
      group.untilSplit(Map.of(first, PARTITIONS / 2, second, PARTITIONS / 2));
      long before = first.count();
      broker.sendNumbers(topic, PARTITIONS, 600, 1200);
      group.untilRead(600, 1200);
      Broker.check(first.count() > before && second.count() > 0, "only one of the members read");
      first.close();
      group.untilSplit(Map.of(second, PARTITIONS));
      broker.sendNumbers(topic, PARTITIONS, 1200, 1500);
      group.untilRead(1200, 1500);
      return "1500 records, " + group.repeated() + " more than once";
    }
  }
}
