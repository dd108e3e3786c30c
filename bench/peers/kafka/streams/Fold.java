import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.*;

/**
 * Kafka Streams' side of bench/projections/streams.py: count and sum by key over a keyed topic.
 *
 * <pre>Fold BOOTSTRAP TOPIC EVENTS KEYS memory|rocksdb at_least_once|exactly_once_v2 THREADS STATE_FOLDER APPLICATION BROKER_PID</pre>
 *
 * 1. folds EVENTS events: from the first record seen to the last; then close() = final flush and commit
 * 2. removes the local state and starts again with the same application id: the time to RUNNING is the restore from the changelog
 * 3. single-thread interactive queries by random key for 3 s
 *
 * Prints one JSON line. close() leaves the group: without that, the restarted instance waits about 43 s for the old member's session
 * to time out.
 */
public class Fold {
  static final LongAdder seen = new LongAdder();
  static volatile long first;
  static final AtomicLong restored = new AtomicLong(), restoreStart = new AtomicLong(), restoreEnd = new AtomicLong();
  static final byte[] TAG = "\"customer\":".getBytes();

  /** value of the "customer" number in a JSON-ish event */
  static long number(byte[] v) {
    outer:
    for (int i = 0; i + TAG.length < v.length; i++) {
      for (int j = 0; j < TAG.length; j++) if (v[i + j] != TAG[j]) continue outer;
      long n = 0;
      for (int k = i + TAG.length; k < v.length && v[k] >= '0' && v[k] <= '9'; k++) n = n * 10 + v[k] - '0';
      return n;
    }
    return 0;
  }
  static byte[] fold(byte[] v, byte[] agg) {
    if (first == 0) first = System.nanoTime();
    ByteBuffer a = ByteBuffer.wrap(agg);
    byte[] out = new byte[16];
    ByteBuffer.wrap(out).putLong(a.getLong() + 1).putLong(a.getLong() + number(v));
    seen.increment();
    return out;
  }
  static double procCpu(String pid) throws Exception {
    String s = Files.readString(Path.of("/proc/" + pid + "/stat"));
    String[] f = s.substring(s.lastIndexOf(')') + 2).split(" ");
    return (Long.parseLong(f[11]) + Long.parseLong(f[12])) / 100.0;
  }
  static double ownCpu() { return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9; }

  public static void main(String[] a) throws Exception {
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> { error.printStackTrace(); System.exit(1); });
    String boot = a[0], topic = a[1]; long events = Long.parseLong(a[2]); int keys = Integer.parseInt(a[3]);
    boolean mem = a[4].equals("memory"); String pg = a[5]; String pid = a[9];
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, a[8]); p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, boot);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, pg); p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, a[6]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, a[7]); p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put(StreamsConfig.CLIENT_ID_CONFIG, "fold"); p.put("auto.offset.reset", "earliest");
    StreamsBuilder b = new StreamsBuilder();
    KeyValueBytesStoreSupplier sup = mem ? Stores.inMemoryKeyValueStore("s") : Stores.persistentKeyValueStore("s");
    b.stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).groupByKey()
        .aggregate(() -> new byte[16], (k, v, agg) -> fold(v, agg),
            Materialized.<byte[], byte[]>as(sup).withKeySerde(Serdes.ByteArray()).withValueSerde(Serdes.ByteArray()));
    Topology t = b.build();

    double c0 = ownCpu(), b0 = procCpu(pid); long t0 = System.nanoTime();
    KafkaStreams ks = new KafkaStreams(t, p); ks.cleanUp(); ks.start();
    while (seen.sum() < events) { Thread.sleep(5); if (System.nanoTime() - t0 > 1200e9) throw new Exception("timeout at " + seen.sum()); }
    long t1 = System.nanoTime(); double c1 = ownCpu(), b1 = procCpu(pid);
    ks.close(CloseOptions.timeout(Duration.ofSeconds(120)).withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)); long t2 = System.nanoTime(); double c2 = ownCpu(), b2 = procCpu(pid); long n = seen.sum();

    KafkaStreams k2 = new KafkaStreams(t, p); k2.cleanUp();
    k2.setGlobalStateRestoreListener(new StateRestoreListener() {
      public void onRestoreStart(TopicPartition x, String s, long f, long e) { restoreStart.compareAndSet(0, System.nanoTime()); }
      public void onBatchRestored(TopicPartition x, String s, long e, long c) {}
      public void onRestoreEnd(TopicPartition x, String s, long c) { restored.addAndGet(c); restoreEnd.set(System.nanoTime()); }
    });
    CountDownLatch running = new CountDownLatch(1);
    k2.setStateListener((nw, old) -> { if (nw == KafkaStreams.State.RUNNING) running.countDown(); });
    double c3 = ownCpu(); long t3 = System.nanoTime(); k2.start(); running.await(1200, TimeUnit.SECONDS);
    long t4 = System.nanoTime(); double c4 = ownCpu();
    ReadOnlyKeyValueStore<byte[], byte[]> st = null;
    while (st == null) try { st = k2.store(StoreQueryParameters.fromNameAndType("s", QueryableStoreTypes.keyValueStore())); }
      catch (Exception e) { Thread.sleep(10); }
    // checks: every key present, counts add up
    List<byte[]> seenKeys = new ArrayList<>(keys);
    long cnt = 0, ks0 = 0; try (KeyValueIterator<byte[], byte[]> it = st.all()) { while (it.hasNext()) { KeyValue<byte[], byte[]> e = it.next(); cnt += ByteBuffer.wrap(e.value).getLong(); ks0++; seenKeys.add(e.key); } }
    byte[][] kk = seenKeys.toArray(new byte[0][]);
    SplittableRandom r = new SplittableRandom(1); long q = 0, hit = 0, tq = System.nanoTime();
    while (System.nanoTime() - tq < 3e9) for (int i = 0; i < 1000; i++, q++) if (st.get(kk[r.nextInt(kk.length)]) != null) hit++;
    double qs = (System.nanoTime() - tq) / 1e9; long late = seen.sum() - n;
    k2.close(Duration.ofSeconds(60));
    System.out.printf(Locale.ROOT, "{\"store\":\"%s\",\"guarantee\":\"%s\",\"threads\":%s,\"events\":%d,\"fold_s\":%.2f,\"start_to_first_s\":%.2f,\"close_s\":%.2f,\"events_s\":%.0f,\"app_cpu_s_per_m\":%.2f,\"broker_cpu_s_per_m\":%.2f,"
            + "\"restore_to_running_s\":%.2f,\"restore_only_s\":%.2f,\"restored_records\":%d,\"restore_cpu_s\":%.2f,\"keys\":%d,\"count_sum\":%d,\"reprocessed\":%d,\"queries_s\":%.0f,\"hits\":%.3f}%n",
        a[4], pg, a[6], n, (t1 - first) / 1e9, (first - t0) / 1e9, (t2 - t1) / 1e9, n / ((t1 - first) / 1e9), (c2 - c0) / n * 1e6, (b2 - b0) / n * 1e6,
        (t4 - t3) / 1e9, (restoreEnd.get() - restoreStart.get()) / 1e9, restored.get(), c4 - c3, ks0, cnt, late, q / qs, hit / (double) q);
    System.exit(0);
  }
}
