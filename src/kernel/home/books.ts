/**
 * What a body knows of its process and /proc tells: its mappings, and which of its threads sleep. Home asks for it
 * when somebody reads, and keeps it in the deputy's memory manager until it is asked again.
 */
import type { FileDescription } from '../fs/file-description.js';
import { Vma } from '../mm/vma.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { DeputyContext } from './deputy.js';
import { LentDescription } from './lent-file.js';

export interface Books {
  readonly mappings: readonly Mapping[];
  readonly brkStart: number;
  readonly brkEnd: number;
  /** VmPeak, in pages. */
  readonly peak: number;
  /** Threads that wait for something where they are. */
  readonly sleeping: readonly number[];
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly offset: number;
  /** Of what is no file of the home. */
  readonly name: string;
  /** A handle of the home; 0: none. */
  readonly file: number;
}

export function booksOf({ leader, tasks }: ThreadGroup): Books {
  const { vmas, brkStart, brkEnd, usage } = leader.mm;
  const mappings: Mapping[] = [];
  for (const { start, end, flags, offset, name, file } of vmas) {
    const lent = file instanceof LentDescription ? file.handle : 0;
    mappings.push({
      start,
      end,
      flags,
      offset,
      name: lent ? name : name || (file?.linkName() ?? ''),
      file: lent,
    });
  }
  const sleeping = [...tasks].filter((task) => task.state.name === 'blocked').map((task) => task.tid);
  return { mappings, brkStart, brkEnd, peak: usage.peak, sleeping };
}

/** `fileOf`: the file of the home that was lent under a handle. */
export function keepBooks(
  group: ThreadGroup,
  books: Books,
  fileOf: (handle: number) => FileDescription | undefined,
): void {
  const { mm } = group.leader;
  mm.drop(0, Number.MAX_SAFE_INTEGER);
  for (const { start, end, flags, offset, name, file } of books.mappings) {
    const vma = new Vma({ start, end, flags, offset, name, file: fileOf(file)?.retain() });
    mm.add(vma);
  }
  mm.brkStart = books.brkStart;
  mm.brkEnd = books.brkEnd;
  mm.usage.peak = books.peak;
  for (const { context, tid } of group.tasks) {
    if (context instanceof DeputyContext) context.sleeps = books.sleeping.includes(tid);
  }
}
