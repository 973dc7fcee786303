/* SHOW(call): prints a call as written, and its result or the name of its errno. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHOW(call) (errno = 0, show(#call, (long)(call)))
static void show(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: %ld\n", what, result);
}
