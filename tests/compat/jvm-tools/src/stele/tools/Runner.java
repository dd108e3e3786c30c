package stele.tools;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's command-line tools, one after the other in one process. Each line of the standard input is a call: main class, what
 * it reads, its arguments, all in base64 with blanks between. Each is answered with a line: its exit code, what it wrote to
 * standard output and what to standard error. Kafka's tools exit through Exit: here that ends the call, and what a tool's own
 * handler of errors makes of it is not heard.
 */
public final class Runner {
  private static final class Exited extends Error {
    Exited() {
      super(null, null, false, false);
    }
  }

  private static final List<Runnable> AT_EXIT = new ArrayList<>();
  private static final ByteArrayOutputStream OUT = new ByteArrayOutputStream();
  private static final ByteArrayOutputStream ERR = new ByteArrayOutputStream();
  private static final PrintStream NOWHERE = new PrintStream(PrintStream.nullOutputStream());
  private static Integer exitCode;

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    Exit.setExitProcedure(Runner::exit);
    Exit.setHaltProcedure(Runner::exit);
    Exit.setShutdownHookAdder((name, hook) -> AT_EXIT.add(hook));
    for (String line = calls.readLine(); line != null; line = calls.readLine()) {
      String[] words = Arrays.stream(line.split(" ")).map(Runner::decoded).toArray(String[]::new);
      answers.println(run(words[0], words[1], Arrays.copyOfRange(words, 2, words.length)));
    }
    Runtime.getRuntime().halt(0);
  }

  private static synchronized void exit(int code, String message) {
    if (exitCode == null) exitCode = code;
    end();
    throw new Exited();
  }

  /** What the tool closes at its end, then silence. */
  private static void end() {
    List<Runnable> hooks = List.copyOf(AT_EXIT);
    AT_EXIT.clear();
    hooks.forEach(Runnable::run);
    System.setOut(NOWHERE);
    System.setErr(NOWHERE);
  }

  private static String run(String main, String input, String[] arguments) throws Exception {
    OUT.reset();
    ERR.reset();
    exitCode = null;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    System.setOut(new PrintStream(OUT, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(ERR, true, StandardCharsets.UTF_8));
    int code = 0;
    try {
      Class.forName(main).getMethod("main", String[].class).invoke(null, (Object) arguments);
    } catch (InvocationTargetException ended) {
      if (exitCode == null) {
        ended.getCause().printStackTrace();
        code = 1;
      }
    }
    end();
    return (exitCode == null ? code : exitCode) + " " + encoded(OUT) + " " + encoded(ERR);
  }

  private static String decoded(String word) {
    return new String(Base64.getDecoder().decode(word.substring(1)), StandardCharsets.UTF_8);
  }

  /** With a mark before it, so that an empty one is a word too. */
  private static String encoded(ByteArrayOutputStream bytes) {
    return "=" + Base64.getEncoder().encodeToString(bytes.toByteArray());
  }
}
