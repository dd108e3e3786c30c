package stele.clients;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Runs the capabilities that the lines of its standard input name, each on a thread of its own, and answers each with a line
 * when it has ended: CAPABILITY ok COUNTED, CAPABILITY n/a REASON or CAPABILITY fail REASON.
 *
 * <p>Arguments: BOOTSTRAP CLIENT
 */
public final class Main {
  public static void main(String[] args) throws Exception {
    Broker broker = new Broker(args[0], args[1]);
    Map<String, Capability> all = new HashMap<>();
    Records.addTo(all, broker);
    Offsets.addTo(all, broker);
    Groups.addTo(all, broker);
    Crash.addTo(all, broker);
    Administration.addTo(all, broker);
    Version.addTo(all, broker);
    PrintStream answers = System.out;
    ExecutorService threads = Executors.newCachedThreadPool();
    BufferedReader names = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = names.readLine(); line != null; line = names.readLine()) {
      String name = line;
      threads.execute(() -> answers.println(name + " " + outcome(all.get(name)).replaceAll("\\s+", " ")));
    }
    // Whatever still waits for a broker that is gone ends here.
    System.exit(0);
  }

  private static String outcome(Capability capability) {
    if (capability == null) return "fail no such capability";
    try {
      return "ok " + capability.run();
    } catch (Capability.NotThere why) {
      return "n/a " + why.getMessage();
    } catch (ExecutionException refused) {
      return "fail " + refused.getCause() + place(refused);
    } catch (Throwable problem) {
      return "fail " + problem + place(problem);
    }
  }

  /** Where in these sources it was. */
  private static String place(Throwable problem) {
    for (StackTraceElement frame : problem.getStackTrace()) {
      if (frame.getClassName().startsWith("stele.") && !frame.getMethodName().matches("check|same|until")) {
        return " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")";
      }
    }
    return "";
  }
}
