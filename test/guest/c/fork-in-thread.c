/* fork by a thread that is not the first, pipes opened anew by /proc/self/fd, a robust list that is a ring. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *forks(void *argument) {
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      // The child's one thread is a copy of this one: it can make threads and fork again.
      pid_t grandchild = fork();
      if (grandchild == 0) _exit(20 + i);
      int status;
      waitpid(grandchild, &status, 0);
      _exit(WEXITSTATUS(status) + 1);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %d ended with %d\n", i, WEXITSTATUS(status));
  }
  return argument;
}

/** Linux walks such a ring until its limit; the thread's end is as quick as any other's. */
static void *ring(void *argument) {
  static struct robust_list entry;
  static struct robust_list_head head;
  entry.next = &entry;
  head.list.next = &entry;
  head.futex_offset = 64;
  syscall(SYS_set_robust_list, &head, sizeof head);
  return argument;
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, forks, NULL);
  pthread_join(thread, NULL);
  for (int i = 0; i < 20; i++) {
    pthread_create(&thread, NULL, ring, NULL);
    pthread_join(thread, NULL);
  }

  int ends[2];
  char name[64], text[8] = "";
  if (pipe(ends) != 0) return 1;
  if (write(ends[1], "bytes", 5) != 5) return 1;
  close(ends[1]);
  snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
  // No writer is left and none is waited for.
  int again = open(name, O_RDONLY);
  printf("reopened %d\n", again >= 0);
  close(ends[0]);
  printf("read %zd %s\n", read(again, text, 5), text);
  printf("end %zd\n", read(again, text, 5));
  snprintf(name, sizeof name, "/proc/self/fd/%d", again);
  printf("a writer %d\n", open(name, O_WRONLY | O_NONBLOCK) >= 0);
  return 0;
}
