package stele;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** Random instances of Kafka's message classes, only with values that the version can say. */
final class RandomMessages {
  /** What a message is full of. */
  enum Kind { DEFAULTS, EMPTY, RANDOM, BOUNDARY, LARGE, UNKNOWN_TAGS }

  private static final String[] WORDS = {"", "a", "orders", "Zürich", "流れ", "🪨 stele", "a.b-c_d"};

  private final Random random;
  private final List<Message> structs = new ArrayList<>();
  private Kind kind;
  private int largeLeft;

  RandomMessages(long seed) {
    random = new Random(seed);
  }

  Message make(Definition definition, short version, Kind wanted) throws Exception {
    kind = wanted;
    largeLeft = kind == Kind.LARGE ? 2 : 0;
    structs.clear();
    Message message = definition.create();
    fill(message, definition.fields, version);
    return message;
  }

  /** Adds fields that nobody knows to some structs of the message made last; at least to itself. */
  void addUnknownTags() {
    for (int i = 0; i < structs.size(); ++i) {
      if (i + 1 != structs.size() && random.nextInt(3) != 0) continue;  // the outermost is last
      int tag = 100;
      for (int n = 1 + random.nextInt(3); n > 0; --n) {
        tag += 1 + random.nextInt(100_000);
        structs.get(i).unknownTaggedFields().add(new RawTaggedField(tag, bytes(random.nextInt(300))));
      }
    }
  }

  private void fill(Message out, List<Definition.Field> fields, short version) throws Exception {
    for (Definition.Field field : fields) {
      if (!field.versions().has(version)) continue;
      if (kind == Kind.DEFAULTS && !mustBeSet(out, field, version)) continue;
      if (field.tag() >= 0 && random.nextInt(3) == 0) continue;
      Method setter = setter(out, field.name());
      setter.invoke(out, value(out, field, setter.getParameterTypes()[0], version));
    }
    structs.add(out);
  }

  /** A null default that this version cannot say. */
  private static boolean mustBeSet(Message out, Definition.Field field, short version)
      throws Exception {
    return Reflect.get(out, field.name()) == null && !field.nullable().has(version);
  }

  private Object value(Message owner, Definition.Field field, Class<?> type, short version)
      throws Exception {
    if (field.nullable().has(version) && (kind == Kind.EMPTY ? random.nextBoolean() : oneIn(4))) {
      return null;
    }
    if (!field.isArray()) return single(field, type, version);
    Class<?> holder = Modifier.isAbstract(type.getModifiers()) ? ArrayList.class : type;
    @SuppressWarnings("unchecked")
    Collection<Object> list =
        (Collection<Object>) holder.getDeclaredConstructor().newInstance();
    Class<?> element = elementClass(owner, field);
    for (int n = count(); n > 0; --n) list.add(single(field, element, version));
    return list;
  }

  private Object single(Definition.Field field, Class<?> type, short version) throws Exception {
    switch (field.element()) {
      case "bool": return random.nextBoolean();
      case "int8": return (byte) number(Byte.MIN_VALUE, Byte.MAX_VALUE);
      case "int16": return (short) number(Short.MIN_VALUE, Short.MAX_VALUE);
      case "int32": return (int) number(Integer.MIN_VALUE, Integer.MAX_VALUE);
      case "int64": return number(Long.MIN_VALUE, Long.MAX_VALUE);
      case "uint16": return (int) number(0, 0xffff);
      case "float64": return random.nextBoolean() ? 0.0 : random.nextGaussian() * 1e12;
      case "bytes": return bytes(recordBytes());
      case "uuid": return oneIn(4) ? Uuid.ZERO_UUID : new Uuid(random.nextLong(), random.nextLong());
      case "string": return text();
      case "records": return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(recordBytes())));
      default:
    }
    Message struct = (Message) type.getDeclaredConstructor().newInstance();
    fill(struct, field.fields(), version);
    return struct;
  }

  private long number(long min, long max) {
    if (kind == Kind.EMPTY) return 0;
    if (kind == Kind.BOUNDARY || oneIn(4)) return random.nextBoolean() ? min : max;
    long any = random.nextLong();
    if (min == Long.MIN_VALUE) return any;
    return min + Math.floorMod(any, max - min + 1);
  }

  private String text() {
    if (kind == Kind.EMPTY) return "";
    if (takeLarge()) return "y".repeat(random.nextBoolean() ? Short.MAX_VALUE : 8_000);
    String word = WORDS[random.nextInt(WORDS.length)];
    return oneIn(8) ? word + "x".repeat(random.nextInt(300)) : word;
  }

  private int count() {
    if (kind == Kind.EMPTY) return 0;
    return takeLarge() ? 100 + random.nextInt(200) : random.nextInt(4);
  }

  private int recordBytes() {
    if (kind == Kind.EMPTY) return 0;
    return takeLarge() ? 100_000 : random.nextInt(400);
  }

  private boolean takeLarge() {
    if (largeLeft == 0 || !oneIn(3)) return false;
    --largeLeft;
    return true;
  }

  private boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  private byte[] bytes(int size) {
    byte[] made = new byte[size];
    random.nextBytes(made);
    return made;
  }

  private static Method setter(Message out, String name) {
    String wanted = "set" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
    for (Method method : out.getClass().getMethods()) {
      if (method.getName().equals(wanted) && method.getParameterCount() == 1) return method;
    }
    throw new IllegalStateException(out.getClass() + " has no " + wanted);
  }

  /** Of a list by its type argument; of one of Kafka's own collections by the class inside. */
  private static Class<?> elementClass(Message owner, Definition.Field field) throws Exception {
    var type = owner.getClass().getDeclaredField(field.name()).getGenericType();
    if (type instanceof ParameterizedType list) return (Class<?>) list.getActualTypeArguments()[0];
    var collection = (ParameterizedType) ((Class<?>) type).getGenericSuperclass();
    return (Class<?>) collection.getActualTypeArguments()[0];
  }
}
