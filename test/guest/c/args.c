/* argv, envp and auxv as execve(2) lays them out. */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  printf("argc %d\n", argc);
  for (int i = 1; i < argc; i++) printf("argv[%d] \"%s\"\n", i, argv[i]);
  printf("argv ends: %d\n", argv[argc] == NULL);
  printf("PATH set: %d\n", getenv("PATH") != NULL);
  printf("page size %lu\n", getauxval(AT_PAGESZ));
  printf("random: %d\n", getauxval(AT_RANDOM) != 0);
  printf("execfn is argv[0]: %d\n", strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0);
  printf("platform %s\n", (char *)getauxval(AT_PLATFORM));
  printf("ids %d %d %d %d\n", getauxval(AT_UID) == getuid(), getauxval(AT_EUID) == geteuid(),
         getauxval(AT_GID) == getgid(), getauxval(AT_EGID) == getegid());
  printf("secure %lu clktck %lu phent %lu\n", getauxval(AT_SECURE), getauxval(AT_CLKTCK), getauxval(AT_PHENT));
  Elf64_Phdr *phdr = (Elf64_Phdr *)getauxval(AT_PHDR);
  int has_phdr = 0;
  for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) has_phdr |= phdr[i].p_type == PT_LOAD;
  printf("phdr readable: %d\n", has_phdr);
  char exe[4096];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = 0;
  printf("exe %s\n", exe);
  char line[100];
  if (fgets(line, sizeof line, stdin)) printf("stdin %s", line);
  return argc;
}
