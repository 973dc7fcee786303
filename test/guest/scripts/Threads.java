// A pool, a hundred threads at one monitor, the signals behind two exceptions, a child process, an exit status.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

public class Threads {
  static int count;

  public static void main(String[] args) throws Exception {
    System.out.println("hello");
    var pool = Executors.newFixedThreadPool(16);
    var sum = new AtomicLong();
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      final int n = i;
      all.add(pool.submit(() -> sum.addAndGet(n)));
    }
    for (Future<?> one : all) one.get();
    pool.shutdown();
    System.out.println(sum);

    var monitor = new Object();
    var threads = new Thread[100];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(() -> {
        for (int j = 0; j < 100; j++) synchronized (monitor) { count++; }
      });
      threads[i].start();
    }
    for (Thread t : threads) t.join();
    System.out.println(count);

    try {
      Object nothing = args.length > 1000 ? args : null;
      nothing.hashCode();
    } catch (NullPointerException e) {
      System.out.println("no object");
    }
    try {
      deeper(0);
    } catch (StackOverflowError e) {
      System.out.println("no stack");
    }
    Process child = new ProcessBuilder("echo", "a child").start();
    System.out.print(new String(child.getInputStream().readAllBytes()));
    System.out.println(child.waitFor());
    System.gc();
    System.exit(3);
  }

  static int deeper(int n) {
    return deeper(n + 1) + 1;
  }
}
