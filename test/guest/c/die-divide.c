/* A program that dies of SIGFPE; what it printed before is kept. */
#include <stdio.h>
#include <stdlib.h>

static int recurse(int n) {
  volatile char room[4096];
  room[0] = n;
  return n == 0 ? 0 : recurse(n + 1) + room[0];
}

int main(void) {
  printf("before\n");
  fflush(stdout);
  volatile int hundred = 100, zero = 0;
  printf("%d", hundred / zero);
  (void)recurse;
  return 0;
}
