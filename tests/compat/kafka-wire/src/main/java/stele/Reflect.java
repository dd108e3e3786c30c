package stele;

import org.apache.kafka.common.protocol.Message;

/** A member of one of Kafka's generated classes, by its name. */
final class Reflect {
  private Reflect() {}

  static Object get(Message message, String name) throws Exception {
    return message.getClass().getMethod(name).invoke(message);
  }
}
