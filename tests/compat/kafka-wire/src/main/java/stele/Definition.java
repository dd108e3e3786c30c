package stele;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.Message;

/** A message as the definition file in Kafka's own jar describes it. */
final class Definition {
  /** Versions first to last, both included; none if first is greater. */
  record Versions(int first, int last) {
    static final Versions NONE = new Versions(0, -1);

    static Versions parse(String text) {
      if (text == null || text.equals("none")) return NONE;
      if (text.endsWith("+")) {
        return new Versions(Integer.parseInt(text.substring(0, text.length() - 1)), Short.MAX_VALUE);
      }
      int dash = text.indexOf('-');
      if (dash < 0) return new Versions(Integer.parseInt(text), Integer.parseInt(text));
      return new Versions(
          Integer.parseInt(text.substring(0, dash)), Integer.parseInt(text.substring(dash + 1)));
    }

    boolean has(int version) {
      return first <= version && version <= last;
    }

    Versions within(Versions other) {
      Versions both = new Versions(Math.max(first, other.first), Math.min(last, other.last));
      return both.first > both.last ? NONE : both;
    }

    @Override
    public String toString() {
      return first > last ? "none" : first + "-" + last;
    }
  }

  record Field(
      String name, String type, Versions versions, Versions nullable, int tag, List<Field> fields) {
    boolean isArray() {
      return type.startsWith("[]");
    }

    String element() {
      return isArray() ? type.substring(2) : type;
    }
  }

  final String name;
  final Versions flexible;
  final List<Field> fields;
  private final Map<String, JsonNode> common = new HashMap<>();

  private Definition(JsonNode root) {
    name = root.get("name").asText();
    flexible = Versions.parse(text(root, "flexibleVersions"));
    if (root.has("commonStructs")) {
      root.get("commonStructs").forEach(node -> common.put(node.get("name").asText(), node));
    }
    fields = parse(root.get("fields"));
  }

  static Definition load(String name) throws Exception {
    ObjectMapper mapper = new ObjectMapper().enable(JsonParser.Feature.ALLOW_COMMENTS);
    String file = "/common/message/" + name + ".json";
    try (InputStream in = Message.class.getResourceAsStream(file)) {
      if (in == null) throw new IllegalArgumentException("no definition of " + name);
      return new Definition(mapper.readTree(in));
    }
  }

  Message create() throws Exception {
    Class<?> type = Class.forName("org.apache.kafka.common.message." + name + "Data");
    return (Message) type.getDeclaredConstructor().newInstance();
  }

  private List<Field> parse(JsonNode nodes) {
    List<Field> result = new ArrayList<>();
    for (JsonNode node : nodes) {
      String type = node.get("type").asText();
      String element = type.startsWith("[]") ? type.substring(2) : type;
      List<Field> inner = List.of();
      if (node.has("fields")) inner = parse(node.get("fields"));
      else if (common.containsKey(element)) inner = parse(common.get(element).get("fields"));
      String own = node.get("name").asText();
      result.add(
          new Field(
              Character.toLowerCase(own.charAt(0)) + own.substring(1),
              type,
              Versions.parse(text(node, "versions")),
              Versions.parse(text(node, "nullableVersions")),
              node.has("tag") ? node.get("tag").asInt() : -1,
              inner));
    }
    return result;
  }

  private static String text(JsonNode node, String field) {
    return node.has(field) ? node.get(field).asText() : null;
  }
}
