/**
 * The first task of a process that the embedder asked for: what fork and execve together would have
 * made, with the kernel itself as parent.
 */
import type { Pid } from '../../base/brand.js';
import type { Credentials } from '../auth/credentials.js';
import type { FdTable } from '../fs/fd-table.js';
import type { FsContext } from '../fs/fs-context.js';
import type { WalkContext } from '../fs/walk.js';
import { HOME } from '../home/here.js';
import { loadProgram } from '../loader/load.js';
import { Failure } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { PendingSignals } from '../signal/pending.js';
import { eventBase } from './event-base.js';
import type { ResourceLimits } from './limits.js';
import { hold } from './stop.js';
import { Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

export interface ProcessRequest {
  /** A path, looked up from `fs.cwd`. PATH has been searched. */
  readonly filename: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** Taken over by the process, also when it cannot be made. */
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly creds: Credentials;
  readonly limits: ResourceLimits;
}

/** A new process, which is its own session and process group; `letGo` (stop.ts) lets it run. */
export function createProcess(kernel: KernelServices, request: ProcessRequest): Task | Failure {
  const { filename, argv, envp, files, fs, creds, limits } = request;
  const { root, cwd, umask, mounts } = fs;
  const ctx: WalkContext = { creds, root, cwd, umask, mounts };
  const tid = kernel.tasks.allocateTid();
  const program =
    tid instanceof Failure
      ? tid
      : loadProgram(kernel, {
          ctx,
          creds,
          limits,
          filename,
          argv,
          envp,
        });
  if (tid instanceof Failure || program instanceof Failure) {
    files.release();
    fs.release();
    return program as Failure;
  }
  const group = new ThreadGroup(tid as number as Pid, undefined, tid, tid, limits);
  group.hasExecuted = true;
  const context = program.mm.space.first;
  context.reset(program.pc, program.sp);
  const task = new Task(
    kernel,
    tid,
    group,
    context,
    program.mm,
    files,
    fs,
    program.creds,
    new PendingSignals(),
  );
  task.comm = program.comm;
  kernel.tasks.add(task);
  hold(task);
  const { events, home } = kernel;
  if (events.wants('taskStart')) {
    events.emit({ ...eventBase(task), type: 'taskStart', comm: task.comm, ppid: group.parentPid });
  }
  const shard = home?.placement.choose() ?? HOME;
  if (home && shard !== HOME) task.state = home.beginElsewhere(task, { ctx, filename, argv, envp }, shard);
  else if (events.wants('exec')) events.emit({ ...eventBase(task), type: 'exec', filename, argv });
  return task;
}
