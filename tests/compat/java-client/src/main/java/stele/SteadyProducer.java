package stele;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends "NAME:0", "NAME:1", … to the partitions of a topic in turn until its standard input ends, whatever happens to the
 * broker meanwhile: idempotent, acks=all, retried for ten minutes. Writes each acknowledgement to a file: partition, offset,
 * number. Its twin over librdkafka: tests/e2e/steady_producer.py.
 *
 * <p>Arguments: BOOTSTRAP TOPIC NAME PARTITIONS CODEC ACKS_FILE
 */
public final class SteadyProducer {
  private static final int IN_FLIGHT_MAX = 400;
  private static final int PER_MILLISECOND = 3;

  private final Semaphore inFlight = new Semaphore(IN_FLIGHT_MAX);
  private final AtomicLong failed = new AtomicLong();
  private final BufferedWriter acks;

  private SteadyProducer(Path file) throws IOException {
    acks = Files.newBufferedWriter(file, StandardCharsets.US_ASCII);
  }

  public static void main(String[] args) throws Exception {
    SteadyProducer steady = new SteadyProducer(Path.of(args[5]));
    Map<String, Object> settings =
        Map.of("bootstrap.servers", args[0], "acks", "all", "enable.idempotence", true, "compression.type", args[4],
            "delivery.timeout.ms", 600_000, "max.block.ms", 600_000, "request.timeout.ms", 5_000,
            "reconnect.backoff.ms", 10, "reconnect.backoff.max.ms", 100);
    long sent;
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      sent = steady.sendUntilInputEnds(producer, args[1], args[2], Integer.parseInt(args[3]));
    }
    steady.acks.close();
    System.out.println("sent " + sent + " failed " + steady.failed.get());
  }

  private long sendUntilInputEnds(
      KafkaProducer<String, String> producer, String topic, String name, int partitions) throws Exception {
    long number = 0;
    while (System.in.available() == 0) {
      for (int i = 0; i < PER_MILLISECOND; i++, number++) {
        inFlight.acquire();
        long mine = number;
        var record =
            new ProducerRecord<String, String>(topic, (int) (number % partitions), name, name + ":" + number);
        producer.send(record, (where, problem) -> onAnswer(mine, where, problem));
      }
      Thread.sleep(1);
    }
    producer.flush();
    return number;
  }

  private void onAnswer(long number, RecordMetadata where, Exception problem) {
    inFlight.release();
    if (problem != null) {
      System.err.println("record " + number + ": " + problem);
      failed.incrementAndGet();
      return;
    }
    try {
      acks.write(where.partition() + "\t" + where.offset() + "\t" + number + "\n");
      acks.flush();
    } catch (IOException cannotWrite) {
      throw new java.io.UncheckedIOException(cannotWrite);
    }
  }
}
