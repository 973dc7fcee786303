/* N processes that fork, exit and signal each other for ever; the first one writes a dot for each
 * so many children that it and its kin have waited for. Usage: storm N */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t heard;
static void on_signal(int signo) { heard += signo != 0; }

struct shared {
  int pids[1024];
  unsigned long waited;
};

static void live(struct shared *s, int self, int count, unsigned seed) {
  for (;;) {
    pid_t child = fork();
    if (child == 0) {
      if (rand_r(&seed) % 2) kill(getppid(), SIGUSR2);
      _exit(self & 127);
    }
    int other = s->pids[rand_r(&seed) % count];
    if (other > 0) kill(other, SIGUSR1);
    int status;
    if (child > 0) {
      while (waitpid(child, &status, 0) < 0) {}
      if (!WIFEXITED(status) || WEXITSTATUS(status) != (self & 127)) abort();
      __atomic_add_fetch(&s->waited, 1, __ATOMIC_RELAXED);
    }
    usleep(rand_r(&seed) % 3000000);
  }
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 8;
  struct shared *s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &act, 0);
  sigaction(SIGUSR2, &act, 0);
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      live(s, i, count, 12345u + i);
    }
    s->pids[i] = child;
  }
  for (unsigned long last = 0;;) {
    unsigned long now = __atomic_load_n(&s->waited, __ATOMIC_RELAXED);
    if (now >= last + 4) {
      last = now;
      if (write(1, ".", 1) != 1) return 1;
    }
    int status;
    if (waitpid(-1, &status, WNOHANG) > 0) abort();
    usleep(5000);
  }
}
