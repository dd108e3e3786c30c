package stele;

import java.io.BufferedReader;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** Which APIs Stele speaks, with the versions of Kafka's own jar; checks our tables against them. */
final class Served {
  static final List<ApiMessageType> APIS =
      List.of(
          ApiMessageType.PRODUCE,
          ApiMessageType.FETCH,
          ApiMessageType.LIST_OFFSETS,
          ApiMessageType.METADATA,
          ApiMessageType.OFFSET_COMMIT,
          ApiMessageType.OFFSET_FETCH,
          ApiMessageType.FIND_COORDINATOR,
          ApiMessageType.JOIN_GROUP,
          ApiMessageType.HEARTBEAT,
          ApiMessageType.LEAVE_GROUP,
          ApiMessageType.SYNC_GROUP,
          ApiMessageType.DESCRIBE_GROUPS,
          ApiMessageType.LIST_GROUPS,
          ApiMessageType.API_VERSIONS,
          ApiMessageType.CREATE_TOPICS,
          ApiMessageType.DELETE_TOPICS,
          ApiMessageType.DELETE_RECORDS,
          ApiMessageType.INIT_PRODUCER_ID,
          ApiMessageType.OFFSET_FOR_LEADER_EPOCH,
          ApiMessageType.DESCRIBE_ACLS,
          ApiMessageType.CREATE_ACLS,
          ApiMessageType.DELETE_ACLS,
          ApiMessageType.DESCRIBE_CONFIGS,
          ApiMessageType.ALTER_CONFIGS,
          ApiMessageType.DESCRIBE_LOG_DIRS,
          ApiMessageType.CREATE_PARTITIONS,
          ApiMessageType.DELETE_GROUPS,
          ApiMessageType.ELECT_LEADERS,
          ApiMessageType.INCREMENTAL_ALTER_CONFIGS,
          ApiMessageType.ALTER_PARTITION_REASSIGNMENTS,
          ApiMessageType.LIST_PARTITION_REASSIGNMENTS,
          ApiMessageType.OFFSET_DELETE,
          ApiMessageType.DESCRIBE_CLIENT_QUOTAS,
          ApiMessageType.ALTER_CLIENT_QUOTAS,
          ApiMessageType.DESCRIBE_QUORUM,
          ApiMessageType.DESCRIBE_CLUSTER,
          ApiMessageType.DESCRIBE_PRODUCERS,
          ApiMessageType.CONSUMER_GROUP_HEARTBEAT,
          ApiMessageType.CONSUMER_GROUP_DESCRIBE,
          ApiMessageType.LIST_CONFIG_RESOURCES,
          ApiMessageType.DESCRIBE_TOPIC_PARTITIONS);

  private Served() {}

  static Definition.Versions versions(ApiMessageType api) {
    return new Definition.Versions(
        api.lowestSupportedVersion(), api.highestSupportedVersion(false));
  }

  /** Header definitions leave out request header v0, which Kafka 4 no longer has. */
  static Definition.Versions versions(String message) {
    if (message.equals("RequestHeader")) return new Definition.Versions(0, 2);
    if (message.equals("ResponseHeader")) return new Definition.Versions(0, 1);
    for (ApiMessageType api : APIS) {
      if (message.equals(api.name + "Request") || message.equals(api.name + "Response")) {
        return versions(api);
      }
    }
    throw new IllegalArgumentException("not served: " + message);
  }

  static List<String> messages() {
    List<String> names = new ArrayList<>();
    for (ApiMessageType api : APIS) {
      names.add(api.name + "Request");
      names.add(api.name + "Response");
    }
    names.add("RequestHeader");
    names.add("ResponseHeader");
    return names;
  }

  /** Reads our lines "api …" and "error …"; true if they say what Kafka's jar says. */
  static boolean checkTable(BufferedReader in) throws Exception {
    List<String> apis = new ArrayList<>();
    int errors = 0;
    int failures = 0;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("api")) {
        apis.add(line);
        continue;
      }
      ++errors;
      Errors error = Errors.forCode(Short.parseShort(words[1]));
      if (error.code() == Short.parseShort(words[1]) && error.name().equals(words[2])) continue;
      System.err.println("no such error: " + line);
      ++failures;
    }
    List<String> wanted = APIS.stream().map(Served::describe).toList();
    if (!apis.equals(wanted)) {
      System.err.printf("kafka %s%nours  %s%n", wanted, apis);
      ++failures;
    }
    System.out.printf(
        "tables: %d apis, %d error codes, %d failures%n", apis.size(), errors, failures);
    return failures == 0 && errors > 0;
  }

  private static String describe(ApiMessageType api) {
    Definition.Versions served = versions(api);
    int advertised = api == ApiMessageType.PRODUCE
        ? ApiKeys.PRODUCE_API_VERSIONS_RESPONSE_MIN_VERSION : served.first();
    StringBuilder text = new StringBuilder();
    text.append(String.format("api %d %s %d %d %d %d",
        api.apiKey(), api.name, served.first(), served.last(), advertised, served.last()));
    for (int v = served.first(); v <= served.last(); ++v) {
      text.append(String.format(
          " %d:%d", api.requestHeaderVersion((short) v), api.responseHeaderVersion((short) v)));
    }
    return text.toString();
  }
}
