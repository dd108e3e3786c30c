package stele;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.Message;

/** Kafka's side of the comparison; the modes mirror those of wire_peer.cpp. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII), 1 << 20);
    boolean ok = switch (arguments.length > 0 ? arguments[0] : "") {
      case "emit" -> emit(Long.parseLong(arguments[1]), Integer.parseInt(arguments[2]));
      case "check" -> check(in);
      case "table" -> Served.checkTable(in);
      case "schema" -> new SchemaCheck().run(in);
      default -> throw new IllegalArgumentException("emit SEED COUNT | check | table | schema");
    };
    System.exit(ok ? 0 : 1);
  }

  /** Lines "message version kind hex expected": what to read, and what to write after reading it. */
  private static boolean emit(long seed, int count) throws Exception {
    RandomMessages random = new RandomMessages(seed);
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
    for (String name : Served.messages()) {
      Definition definition = Definition.load(name);
      Definition.Versions versions = Served.versions(name);
      // Kafka 4 writes request headers from v1.
      int first = name.equals("RequestHeader") ? 1 : versions.first();
      for (int version = first; version <= versions.last(); ++version) {
        for (int i = 0; i < count; ++i) {
          out.println(line(random, definition, (short) version, kind(i)));
        }
      }
    }
    out.flush();
    return !out.checkError();
  }

  private static RandomMessages.Kind kind(int i) {
    if (i % 25 == 0) return RandomMessages.Kind.LARGE;
    if (i % 10 == 1) return RandomMessages.Kind.DEFAULTS;
    if (i % 10 == 2) return RandomMessages.Kind.EMPTY;
    if (i % 5 == 3) return RandomMessages.Kind.BOUNDARY;
    return i % 5 == 4 ? RandomMessages.Kind.UNKNOWN_TAGS : RandomMessages.Kind.RANDOM;
  }

  private static String line(
      RandomMessages random, Definition definition, short version, RandomMessages.Kind kind)
      throws Exception {
    Message message = random.make(definition, version, kind);
    String expected = Bytes.write(message, version);
    String sent = expected;
    if (kind == RandomMessages.Kind.UNKNOWN_TAGS && definition.flexible.has(version)) {
      random.addUnknownTags();
      sent = Bytes.write(message, version);
      if (sent.equals(expected)) throw new IllegalStateException("no tags added");
    }
    return String.join(" ", definition.name, String.valueOf(version), kind.name(), sent, expected);
  }

  /** Reads lines "message version hex" of ours; Kafka's classes must read and write the same bytes. */
  private static boolean check(BufferedReader in) throws Exception {
    Map<String, Definition> definitions = new HashMap<>();
    Map<String, Integer> checked = new TreeMap<>();
    int total = 0;
    int failures = 0;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("RequestHeader") && words[1].equals("0")) continue;  // not in Kafka 4
      if (!definitions.containsKey(words[0])) definitions.put(words[0], Definition.load(words[0]));
      String problem = problem(definitions.get(words[0]), Short.parseShort(words[1]), words[2]);
      checked.merge(words[0] + " " + words[1], 1, Integer::sum);
      ++total;
      if (problem == null) continue;
      if (++failures <= 20) {
        System.err.printf("%s v%s: %s%n  ours  %.400s%n", words[0], words[1], problem, words[2]);
      }
    }
    int least = checked.values().stream().mapToInt(Integer::intValue).min().orElse(0);
    System.out.printf(
        "stele to kafka: %d messages, %d message versions, at least %d each, %d failures%n",
        total, checked.size(), least, failures);
    return failures == 0 && total > 0;
  }

  private static String problem(Definition definition, short version, String hex) throws Exception {
    try {
      Message message = Bytes.read(definition.create(), version, hex);
      if (message == null) return "bytes left over";
      String again = Bytes.write(message, version);
      return again.equals(hex) ? null : String.format("bytes differ%n  kafka %.400s", again);
    } catch (RuntimeException refused) {
      return refused.toString();
    }
  }
}
