/** Events of files, from the system calls that succeeded. */
import { NR } from '../../abi/numbers.js';
import type { FileEvent } from '../../messages/events.js';
import { openFlagsText } from '../syscalls/codecs.js';
import { eventBase } from '../task/event-base.js';
import type { Task } from '../task/task.js';

type FileEventType = FileEvent['type'];

/** Which calls make which events. */
export const FILE_EVENT_CALLS: ReadonlyMap<FileEventType, readonly number[]> = new Map([
  ['fileOpen', [NR.open, NR.openat, NR.openat2, NR.creat]],
  ['fileClose', [NR.close]],
  ['fileRename', [NR.rename, NR.renameat, NR.renameat2]],
  ['fileUnlink', [NR.unlink, NR.unlinkat, NR.rmdir]],
]);

const TYPE_OF = new Map<number, FileEventType>();
for (const [type, numbers] of FILE_EVENT_CALLS) for (const n of numbers) TYPE_OF.set(n, type);

/** A call that has succeeded, with the files that it named when it began. */
export interface FileCall {
  readonly sysno: number;
  readonly paths: readonly string[];
  readonly args: readonly unknown[];
  readonly result: number;
}

export function emitFileEvent(task: Task, call: FileCall): void {
  const type = TYPE_OF.get(call.sysno);
  const { events } = task.kernel;
  if (type === undefined || !events.wants(type)) return;
  const [path, newPath] = call.paths;
  if (path === undefined) return;
  const base = eventBase(task);
  switch (type) {
    case 'fileOpen':
      events.emit({ ...base, type, path, fd: call.result, flags: openFlagsOf(task, call.result) });
      break;
    case 'fileClose':
      events.emit({ ...base, type, path, fd: Number(call.args[0]) });
      break;
    case 'fileRename':
      events.emit({ ...base, type, path, newPath: newPath ?? path });
      break;
    case 'fileUnlink':
      events.emit({ ...base, type, path });
      break;
  }
}

/** From the description: openat2 has its flags in memory that the guest may have changed since. */
function openFlagsOf(task: Task, fd: number): string {
  const file = task.files.get(fd);
  return file ? openFlagsText(file.flags) : '';
}
