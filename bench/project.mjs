/** A small C project for the row that builds one: a few parts that include what programs include, and a main. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PARTS = 8;

/** Writes it below `folder` and returns the command that builds it and cleans up, so that every run starts alike. */
export function buildCommand(folder) {
  const project = join(folder, 'project');
  mkdirSync(project);
  const names = Array.from({ length: PARTS }, (_, i) => `part${i}`);
  for (const name of names) writeFileSync(join(project, `${name}.c`), part(name));
  writeFileSync(join(project, 'main.c'), main(names));
  writeFileSync(join(project, 'Makefile'), makefile([...names, 'main']));
  return ['sh', '-c', `cd ${project} && make -s -j2 && ./sum && make -s clean`];
}

function part(name) {
  return `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int ${name}(int count) {
  char **words = calloc(count, sizeof *words), word[32];
  int sum = 0;
  for (int i = 0; i < count; i++) {
    snprintf(word, sizeof word, "${name}-%d-%d", i * 7 % count, (int)getpid() & 0);
    words[i] = strdup(word);
  }
  qsort(words, count, sizeof *words, compare);
  for (int i = 0; i < count; i++) {
    sum += (int)strlen(words[i]);
    free(words[i]);
  }
  free(words);
  return sum;
}
`;
}

function main(names) {
  return `${names.map((name) => `int ${name}(int);`).join('\n')}
int main(void) { return ${names.map((name) => `${name}(100)`).join(' + ')} > 0 ? 0 : 1; }
`;
}

function makefile(names) {
  const objects = names.map((name) => `${name}.o`).join(' ');
  return `CFLAGS = -O2 -Wall
sum: ${objects}
\t$(CC) -o $@ $^
clean:
\trm -f sum ${objects}
`;
}
