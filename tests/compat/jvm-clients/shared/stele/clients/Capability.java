package stele.clients;

/** One row of the matrix: returns what it counted, throws if it does not hold. */
interface Capability {
  String run() throws Exception;

  /** The client has no way to ask for it. */
  final class NotThere extends Exception {
    NotThere(String why) {
      super(why);
    }
  }

  static Capability notThere(String why) {
    return () -> {
      throw new NotThere(why);
    };
  }
}
