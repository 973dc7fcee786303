/* Makes a fixed series of system calls and says what each came to: what injection changes is seen here. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int caught;
static void handler(int signo) { caught = signo; }

static void say(const char *what, long result) {
  char line[160];
  int error = errno;
  int n = snprintf(line, sizeof line, "%s = %ld%s%s", what, result < 0 ? -1 : result,
                   result < 0 ? " " : "", result < 0 ? strerror(error) : "");
  if (caught) n += snprintf(line + n, sizeof line - n, " (caught %d)", caught);
  line[n++] = '\n';
  caught = 0;
  syscall(SYS_writev, 1, &(struct { void *base; size_t length; }){line, (size_t)n}, 1);
}

static void series(const char *who) {
  char name[40];
  char buffer[64];
  for (int i = 1; i <= 8; i++) {
    snprintf(name, sizeof name, "%s chdir %d", who, i);
    say(name, syscall(SYS_chdir, "/"));
  }
  for (int i = 1; i <= 3; i++) {
    snprintf(name, sizeof name, "%s umask %d", who, i);
    say(name, syscall(SYS_umask, 022));
  }
  int fd = open("/etc/passwd", O_RDONLY);
  say("open", fd < 0 ? -1 : 0);
  say("read", syscall(SYS_read, fd, buffer, sizeof buffer) < 0 ? -1 : 0);
  struct timespec pause = {0, 30000000};
  say("nanosleep", syscall(SYS_nanosleep, &pause, NULL));
  close(fd);
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &action, NULL);
  series("parent");
  pid_t child = fork();
  if (child == 0) {
    series("child");
    _exit(7);
  }
  int status = 0;
  waitpid(child, &status, 0);
  say("child's status", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
  return 0;
}
