package stele;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/** Messages as hexadecimal text; "-" stands for no bytes. */
final class Bytes {
  private Bytes() {}

  static String write(Message message, short version) {
    ObjectSerializationCache cache = new ObjectSerializationCache();
    ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
    message.write(new ByteBufferAccessor(buffer), cache, version);
    if (buffer.hasRemaining()) throw new IllegalStateException("size() was wrong");
    return buffer.capacity() == 0 ? "-" : HexFormat.of().formatHex(buffer.array());
  }

  /** Null if the bytes go on after the message. */
  static Message read(Message into, short version, String hex) {
    ByteBuffer buffer = ByteBuffer.wrap(HexFormat.of().parseHex(hex.equals("-") ? "" : hex));
    into.read(new ByteBufferAccessor(buffer), version);
    return buffer.hasRemaining() ? null : into;
  }
}
