/* fork, pipe, exec, wait: a child's memory is its own, its status comes back. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "show.h"

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int value = 1, ends[2], status;
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    value = 2;
    close(ends[0]);
    dprintf(ends[1], "child sees %d, parent known %d", value, getppid() > 0);
    _exit(7);
  }
  close(ends[1]);
  char buffer[100] = {0};
  while (read(ends[0], buffer + strlen(buffer), sizeof buffer - 1 - strlen(buffer)) > 0) continue;
  printf("waited for the child: %d\n", waitpid(child, &status, 0) == child);
  printf("%s; exited %d status %d; parent has %d\n", buffer, WIFEXITED(status), WEXITSTATUS(status), value);

  child = fork();
  if (child == 0) {
    execl("/bin/echo", "echo", "from", "exec", NULL);
    _exit(126);
  }
  waitpid(child, &status, 0);
  printf("exec %d\n", status);

  child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  kill(child, SIGTERM);
  waitpid(child, &status, 0);
  printf("signalled %d by %d\n", WIFSIGNALED(status), WTERMSIG(status));
  SHOW(wait(NULL));
  printf("system: %d\n", WEXITSTATUS(system("exit 5")));
  return 0;
}
