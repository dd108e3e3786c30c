package stele;

import java.io.BufferedReader;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Message;

/**
 * Compares our field lists with Kafka's, place by place: equal bytes alone would not show two fields of one type
 * that we call by each other's names.
 */
final class SchemaCheck {
  /** Where our words differ from Kafka's: "message.name" or plain "name", in snake case, to ours. */
  private static final Map<String, String> RENAMED = new HashMap<>();

  static {
    RENAMED.put("ProduceRequest.topic_data", "topics");
    RENAMED.put("ProduceRequest.partition_data", "partitions");
    RENAMED.put("ProduceResponse.responses", "topics");
    RENAMED.put("ProduceResponse.partition_responses", "partitions");
    RENAMED.put("ProduceResponse.batch_index_error_message", "message");
    RENAMED.put("FetchRequest.topic", "name");
    RENAMED.put("FetchRequest.forgotten_topics_data", "forgotten_topics");
    RENAMED.put("FetchResponse.responses", "topics");
    RENAMED.put("FetchResponse.topic", "name");
    RENAMED.put("OffsetForLeaderEpochRequest.topic", "name");
    RENAMED.put("OffsetForLeaderEpochResponse.topic", "name");
    RENAMED.put("DeleteTopicsResponse.responses", "topics");
    RENAMED.put("RequestHeader.request_api_key", "api_key");
    RENAMED.put("RequestHeader.request_api_version", "api_version");
    RENAMED.put("partition_index", "partition");
    RENAMED.put("num_partitions", "partition_count");
  }

  private final Map<String, List<String>> kafka = new LinkedHashMap<>();
  private int failures = 0;

  /** Reads our lines "place versions nullable tag default"; true if they are Kafka's. */
  boolean run(BufferedReader in) throws Exception {
    Map<String, List<String>> ours = new LinkedHashMap<>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ours.computeIfAbsent(line.substring(0, line.indexOf('.')), m -> new ArrayList<>()).add(line);
    }
    int count = 0;
    for (var entry : ours.entrySet()) {
      count += entry.getValue().size();
      compare(entry.getKey(), entry.getValue(), describe(entry.getKey()));
    }
    System.out.printf(
        "field lists: %d messages, %d fields, %d failures%n", ours.size(), count, failures);
    return failures == 0 && count > 0;
  }

  private void compare(String message, List<String> ours, List<String> theirs) {
    for (int i = 0; i < Math.max(ours.size(), theirs.size()); ++i) {
      String mine = i < ours.size() ? ours.get(i) : "(nothing)";
      String wanted = i < theirs.size() ? theirs.get(i) : "(nothing)";
      if (mine.equals(wanted)) continue;
      ++failures;
      System.err.printf("%s:%n  kafka %s%n  ours  %s%n", message, wanted, mine);
    }
  }

  private List<String> describe(String message) throws Exception {
    Definition definition = Definition.load(message);
    List<String> lines = new ArrayList<>();
    Definition.Versions served = Served.versions(message);
    describe(message, message, definition.create(), definition.fields, served, lines);
    return lines;
  }

  private void describe(
      String message,
      String place,
      Message unset,
      List<Definition.Field> fields,
      Definition.Versions served,
      List<String> lines)
      throws Exception {
    for (Definition.Field field : fields) {
      Definition.Versions versions = field.versions().within(served);
      if (versions == Definition.Versions.NONE) continue;
      String name = place + "." + ourName(message, field.name()) + (field.isArray() ? "[]" : "");
      Object value = Reflect.get(unset, field.name());
      String tag = field.tag() < 0 ? "-" : String.valueOf(field.tag());
      lines.add(
          String.join(" ", name, versions.toString(), field.nullable().within(served).toString(),
              tag, text(field, value)));
      if (field.fields().isEmpty()) continue;
      Message inner = (Message) structClass(unset, field).getDeclaredConstructor().newInstance();
      describe(message, name, inner, field.fields(), versions, lines);
    }
  }

  private static Class<?> structClass(Message owner, Definition.Field field) throws Exception {
    String outer = owner.getClass().getName().replaceAll("\\$.*", "");
    return Class.forName(outer + "$" + field.element());
  }

  private static String ourName(String message, String camel) {
    String snake = camel.replaceAll("([A-Z])", "_$1").toLowerCase();
    return RENAMED.getOrDefault(message + "." + snake, RENAMED.getOrDefault(snake, snake));
  }

  private static String text(Definition.Field field, Object value) {
    if (field.type().equals("records") || field.type().equals("bytes")
        || (!field.isArray() && !field.fields().isEmpty())) {
      return "-";
    }
    if (value == null) return "null";
    if (value instanceof Collection<?> list) return list.isEmpty() ? "empty" : "set";
    if (value instanceof String string) return string.isEmpty() ? "empty" : "set";
    if (value instanceof Uuid id) return id.equals(Uuid.ZERO_UUID) ? "zero" : "set";
    return String.valueOf(value);
  }
}
