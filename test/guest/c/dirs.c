/* Directories: getdents64, positions, removal while reading, errors. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(DIR *d) {
  char *names[300];
  int n = 0;
  rewinddir(d);
  for (struct dirent *e; n < 300 && (e = readdir(d));) names[n++] = strdup(e->d_name);
  qsort(names, n, sizeof *names, by_name);
  printf("%d:", n);
  for (int i = 0; i < n && i < 6; i++) printf(" %s", names[i]);
  printf("\n");
  for (int i = 0; i < n; i++) free(names[i]);
}

int main(void) {
  char name[32];
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  SHOW(mkdir("dirs", 0755));
  SHOW(chdir("dirs"));
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "f%03d", i);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  SHOW(mkdir("sub", 0700));
  SHOW(symlink("f000", "link"));
  SHOW(mkfifo("fifo", 0600));
  DIR *d = opendir(".");
  list(d);
  rewinddir(d);
  int types[16] = {0};
  for (struct dirent *e; (e = readdir(d));) types[e->d_type & 15]++;
  printf("files %d directories %d links %d fifos %d\n", types[DT_REG], types[DT_DIR], types[DT_LNK], types[DT_FIFO]);

  /* Every entry carries the inode number that stat shows. */
  rewinddir(d);
  int same = 0, all = 0;
  for (struct dirent *e; (e = readdir(d));) {
    struct stat st;
    if (!strcmp(e->d_name, "..")) continue;
    lstat(e->d_name, &st);
    all++;
    same += st.st_ino == e->d_ino;
  }
  printf("inode numbers: %s\n", same == all ? "agree" : "differ");

  /* telldir and seekdir come back to the same entry. */
  rewinddir(d);
  for (int i = 0; i < 50; i++) readdir(d);
  long at = telldir(d);
  char next[256];
  strcpy(next, readdir(d)->d_name);
  while (readdir(d)) continue;
  seekdir(d, at);
  printf("seekdir: %s\n", strcmp(next, readdir(d)->d_name) ? "elsewhere" : "the same entry");

  /* Removing all that is seen, while reading. */
  rewinddir(d);
  int removed = 0;
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] == 'f' && unlinkat(dirfd(d), e->d_name, 0) == 0) removed++;
  printf("removed %d\n", removed);
  list(d);

  char buf[64];
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  SHOW(syscall(SYS_getdents64, fd, buf, 8));
  SHOW(syscall(SYS_getdents64, fd, buf, 0));
  SHOW(syscall(SYS_getdents64, fd, (void *)8, 64));
  SHOW(read(fd, buf, 8));
  SHOW(write(fd, buf, 8));
  SHOW(open(".", O_WRONLY));
  SHOW(open(".", O_RDWR));
  SHOW(ftruncate(fd, 0));
  int file = open("plain", O_CREAT | O_RDWR, 0600);
  SHOW(syscall(SYS_getdents64, file, buf, 64));
  SHOW(open("plain", O_RDONLY | O_DIRECTORY));
  SHOW(open("plain/x", O_RDONLY));
  SHOW(rmdir("plain"));
  SHOW(unlink("sub"));
  SHOW(rmdir("."));
  SHOW(rmdir("sub/.."));
  close(open("sub/x", O_CREAT | O_WRONLY, 0600));
  SHOW(rmdir("sub"));
  SHOW(rename("sub", "sub/inside"));
  SHOW(rename("plain", "sub"));
  SHOW(rename("sub", "plain"));
  SHOW(mkdir("sub", 0700));
  SHOW(mkdir("plain/sub", 0700));
  SHOW(mkdir("missing/sub", 0700));
  SHOW(mkdir("", 0700));
  SHOW(unlink("sub/x"));

  /* A removed working directory. */
  SHOW(chdir("sub"));
  SHOW(rmdir("../sub"));
  SHOW(open("new", O_CREAT | O_WRONLY, 0600));
  SHOW(mkdir("new", 0700));
  SHOW(syscall(SYS_getcwd, buf, sizeof buf));
  SHOW(syscall(SYS_getdents64, open(".", O_RDONLY), buf, 64));
  SHOW(chdir(".."));
  SHOW(fchdir(file));
  SHOW(fchdir(900));
  struct stat st;
  SHOW(fstat(fd, &st));
  printf("links %ld\n", (long)st.st_nlink);
  SHOW(unlink("link"));
  SHOW(unlink("plain"));
  closedir(d);
  SHOW(chdir(".."));
  SHOW(rmdir("dirs"));
  SHOW(fstat(fd, &st));
  printf("links %ld\n", (long)st.st_nlink);
  return 0;
}
