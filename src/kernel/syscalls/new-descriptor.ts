/** Gives a new file its descriptor: the lowest free number, below RLIMIT_NOFILE. */
import { RLIMIT } from '../../abi/resource.js';
import type { Fd } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { Failure } from '../outcome.js';
import type { Task } from '../task/task.js';

/** Takes over the reference to `file`: when there is no number for it (EMFILE), it is closed. */
export function newDescriptor(
  task: Task,
  file: FileDescription,
  options: { closeOnExec: boolean },
): Fd | Failure {
  const limit = task.group.limits.number(RLIMIT.NOFILE);
  const fd = task.files.install(file, { closeOnExec: options.closeOnExec, limit });
  if (fd instanceof Failure) file.release();
  return fd;
}

/** Numbers for two files, written to the guest as two ints; nothing stays open when that fails. */
export function newDescriptorPair(
  task: Task,
  files: readonly [FileDescription, FileDescription],
  options: { closeOnExec: boolean; write: (first: number, second: number) => void },
): number | Failure {
  const first = newDescriptor(task, files[0], options);
  if (first instanceof Failure) {
    files[1].release();
    return first;
  }
  const second = newDescriptor(task, files[1], options);
  if (second instanceof Failure) {
    task.files.close(first);
    return second;
  }
  try {
    options.write(first, second);
  } catch (e) {
    task.files.close(first);
    task.files.close(second);
    throw e;
  }
  return 0;
}
