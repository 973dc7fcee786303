/**
 * A process for the embedder: what a shell would do between fork and execve. Looks the command up in
 * PATH, opens its descriptors, and makes the first task, which does not run yet.
 */
import { E, type Errno, errnoName } from '../abi/errno.js';
import { errnoText } from '../abi/errno-text.js';
import { isDirectory, isRegular } from '../abi/mode.js';
import { toUnicode } from '../base/bytes.js';
import type { ProcessSpec, StartObstacle } from '../messages/shard.js';
import { credentialsOf } from './auth/credentials.js';
import { checkAccess, MAY } from './fs/access.js';
import { FdTable } from './fs/fd-table.js';
import type { FileDescription } from './fs/file-description.js';
import { FsContext } from './fs/fs-context.js';
import type { MountNamespace } from './fs/mounts.js';
import { type WalkContext, walk } from './fs/walk.js';
import { kernelMemory } from './kernel-memory.js';
import { Failure } from './outcome.js';
import type { KernelServices } from './services.js';
import { createProcess } from './task/create-process.js';
import { ResourceLimits } from './task/limits.js';
import type { Task } from './task/task.js';
import { newUtsNamespace, type UtsNamespace } from './uts.js';

export interface SpawnRequest extends Omit<ProcessSpec, 'stdio'> {
  /** Descriptors 0, 1, 2…, handed over. */
  readonly files: readonly FileDescription[];
  /** It becomes process 1. */
  readonly asInit: boolean;
}

/** Why there is no process; `message` is one line for people. */
export interface SpawnFailure {
  readonly errno: Errno;
  readonly obstacle: StartObstacle;
  readonly message: string;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_UMASK = 0o022;

export function spawnProcess(
  services: KernelServices,
  mounts: MountNamespace,
  request: SpawnRequest,
): Task | SpawnFailure {
  const files = new FdTable(kernelMemory.of(services));
  request.files.forEach((file, fd) => {
    files.installAt(fd, file, { closeOnExec: false });
  });
  const refuse = (errno: Errno, obstacle: StartObstacle, message: string): SpawnFailure => {
    files.release();
    return { errno, obstacle, message };
  };

  const creds = credentialsOf(request.uid, request.gid, request.groups);
  const { umask = DEFAULT_UMASK, maxSymlinkTraversals: maxLinks } = request;
  const atRoot: WalkContext = {
    creds,
    root: mounts.root,
    cwd: mounts.root,
    umask,
    mounts,
    ...(maxLinks === undefined ? {} : { maxLinks }),
  };
  const cwd = walk(atRoot, request.cwd, { followLast: true, directory: true });
  if (cwd instanceof Failure)
    return refuse(cwd.errno, 'cwd', `working directory ${quote(request.cwd)}: ${why(cwd.errno)}`);
  const ctx: WalkContext = { ...atRoot, cwd };

  const filename = request.searchPath ? findCommand(ctx, request.command, request.envp) : request.command;
  if (filename instanceof Failure) {
    return refuse(filename.errno, 'command', `${quote(request.command)}: ${why(filename.errno)}`);
  }
  const task = createProcess(services, {
    ctx,
    filename,
    argv: [...request.argv],
    envp: [...request.envp],
    files,
    fs: new FsContext(mounts.root, cwd, umask, mounts),
    creds,
    limits: limitsOf(services, request),
    uts: utsOf(services, request),
    asInit: request.asInit,
  });
  if (task instanceof Failure) {
    return { errno: task.errno, obstacle: 'command', message: `${quote(filename)}: ${why(task.errno)}` };
  }
  return task;
}

function limitsOf({ machine }: KernelServices, { limits }: SpawnRequest): ResourceLimits {
  const all = ResourceLimits.defaults(machine.maxTasks);
  for (const [resource, limit] of limits ?? []) all.set(resource, limit);
  return all;
}

function utsOf({ uts }: KernelServices, { utsNamespace }: SpawnRequest): UtsNamespace {
  return utsNamespace ? newUtsNamespace(utsNamespace.hostname, utsNamespace.domainname) : uts;
}

/** As execvp(3): the first file in PATH that may be executed; EACCES when all that are there may not. */
function findCommand(ctx: WalkContext, command: string, envp: readonly string[]): string | Failure {
  if (command.includes('/')) return command;
  const path = envp.find((e) => e.startsWith('PATH='))?.slice(5) ?? DEFAULT_PATH;
  let worst = new Failure(E.ENOENT);
  if (command === '') return worst;
  for (const directory of path.split(':')) {
    const candidate = `${directory === '' ? '.' : directory}/${command}`;
    const found = walk(ctx, candidate, { followLast: true });
    if (found instanceof Failure) {
      if (found.errno === E.EACCES) worst = found;
      continue;
    }
    const { inode } = found.dentry;
    if (isDirectory(inode.mode)) worst = new Failure(E.EACCES);
    else if (isRegular(inode.mode) && !checkAccess(inode, ctx.creds, MAY.EXEC)) return candidate;
    else worst = new Failure(E.EACCES);
  }
  return worst;
}

const quote = (text: string): string => toUnicode(text);
const why = (errno: Errno): string => `${errnoText(errno)} (${errnoName(errno)})`;
