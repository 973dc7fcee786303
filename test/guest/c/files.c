/* Regular files and directories: what open(2), rename(2), unlink(2) and their like do and refuse. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "show.h"

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
  char *names[100];
  int count = 0;
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) names[count++] = strdup(e->d_name);
  if (dir) closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  printf("%s:", path);
  for (int i = 0; i < count; i++) printf(" %s", names[i]);
  printf("\n");
}

int main(void) {
  umask(022);
  SHOW(mkdir("tree", 0777));
  SHOW(chdir("tree"));
  int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0666);
  SHOW(write(fd, "hello world", 11));
  SHOW(lseek(fd, 6, SEEK_SET));
  char buffer[100] = {0};
  SHOW(read(fd, buffer, 100));
  printf("%s\n", buffer);
  SHOW(pwrite(fd, "XY", 2, 100));
  SHOW(lseek(fd, 0, SEEK_END));
  SHOW(lseek(fd, -1, SEEK_SET));
  SHOW(ftruncate(fd, 5));
  struct iovec parts[2] = {{"one", 3}, {"two", 3}};
  SHOW(lseek(fd, 5, SEEK_SET));
  SHOW(writev(fd, parts, 2));
  memset(buffer, 0, sizeof buffer);
  SHOW(pread(fd, buffer, 100, 0));
  printf("%s\n", buffer);
  struct stat st;
  SHOW(fstat(fd, &st));
  printf("mode %o size %ld links %ld mine %d\n", st.st_mode, (long)st.st_size, (long)st.st_nlink, st.st_uid == getuid());
  SHOW(open("a", O_CREAT | O_EXCL | O_RDWR, 0666));
  SHOW(open("a/b", O_RDONLY));
  SHOW(open("none", O_RDONLY));
  SHOW(open(".", O_WRONLY));
  SHOW(open("a", O_RDONLY | O_DIRECTORY));
  SHOW(link("a", "b"));
  SHOW(link("a", "b"));
  SHOW(stat("b", &st));
  printf("links %ld\n", (long)st.st_nlink);
  SHOW(symlink("a", "s"));
  SHOW(symlink("loop", "loop"));
  SHOW(readlink("s", buffer, 100));
  SHOW(readlink("a", buffer, 100));
  SHOW(open("loop", O_RDONLY));
  SHOW(open("s", O_RDONLY | O_NOFOLLOW));
  SHOW(mkdir("d", 0700));
  SHOW(mkdir("d", 0700));
  SHOW(mkdir("d/e", 0700));
  list(".");
  SHOW(rmdir("d"));
  SHOW(unlink("d"));
  SHOW(rmdir("a"));
  SHOW(rename("a", "d"));
  SHOW(rename("d", "a"));
  SHOW(rename("d", "d/e/f"));
  SHOW(rename("a", "c"));
  SHOW(rename("b", "c"));
  SHOW(renameat2(AT_FDCWD, "c", AT_FDCWD, "s", RENAME_NOREPLACE));
  SHOW(renameat2(AT_FDCWD, "c", AT_FDCWD, "s", RENAME_EXCHANGE));
  list(".");
  SHOW(chmod("s", 0400));
  SHOW(stat("s", &st));
  printf("mode %o\n", st.st_mode);
  SHOW(chmod("s", 06755));
  SHOW(stat("s", &st));
  printf("mode %o\n", st.st_mode);
  SHOW(access("s", R_OK));
  SHOW(access("none", F_OK));
  SHOW(unlink("s"));
  SHOW(unlink("none"));
  SHOW(fstat(fd, &st));
  printf("links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
  struct timespec times[2] = {{1000000000, 5}, {0, UTIME_OMIT}};
  SHOW(utimensat(AT_FDCWD, "b", times, 0));
  SHOW(stat("b", &st));
  printf("atime %ld.%09ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec);
  int copy = dup(fd);
  SHOW(fcntl(copy, F_GETFL) & O_ACCMODE);
  SHOW(fcntl(copy, F_GETFD));
  SHOW(close(copy));
  SHOW(close(copy));
  SHOW(read(copy, buffer, 1));
  SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 100));
  int appended = open("b", O_WRONLY | O_APPEND);
  SHOW(lseek(appended, 0, SEEK_SET));
  SHOW(write(appended, "end", 3));
  SHOW(lseek(appended, 0, SEEK_CUR));
  SHOW(read(appended, buffer, 1));
  char longer[5000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  SHOW(open(longer, O_RDONLY));
  longer[300] = 0;
  SHOW(open(longer, O_RDONLY));
  SHOW(open("", O_RDONLY));
  SHOW(open((char *)8, O_RDONLY));
  SHOW(chdir(".."));
  char cwd[4096];
  printf("cwd ok: %d\n", getcwd(cwd, sizeof cwd) != NULL && strstr(cwd, "tree") == NULL);
  SHOW(getcwd(cwd, 1) ? 0 : -1);
  SHOW(unlink("tree/b")), SHOW(unlink("tree/c")), SHOW(unlink("tree/s")), SHOW(unlink("tree/loop"));
  SHOW(rmdir("tree/d/e")), SHOW(rmdir("tree/d")), SHOW(rmdir("tree"));
  return 0;
}
