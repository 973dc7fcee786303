/** clone(2), clone3(2), fork(2), vfork(2), unshare(2), setns(2). */
import { CLONE, CLONE_ARGS_SIZE_VER0, CLONE_INTO_CGROUP, CSIGNAL, cloneArgs } from '../../abi/clone.js';
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { NSIG, SIG } from '../../abi/signal.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { kernelMemory } from '../kernel-memory.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { fail, type Result } from '../outcome.js';
import { type CloneRequest, clone, NAMESPACES } from '../task/clone.js';
import type { Task } from '../task/task.js';
import { addr, fd, flags, intOut, size, word } from './codecs.js';
import { arg, syscall } from './declare.js';

const NAMESPACE_NOTE = 'no namespaces: CLONE_NEW* fail with EPERM, or EINVAL with CAP_SYS_ADMIN';
const NOWHERE = userAddr(0);
const cloneFlags = Object.fromEntries(Object.entries(CLONE).map(([name, bit]) => [`CLONE_${name}`, bit]));

export const cloneCalls = [
  syscall(
    NR.clone,
    'clone',
    [
      arg('flags', flags(cloneFlags)),
      arg('stack', addr),
      arg('parent_tid', intOut),
      arg('child_tid', addr),
      arg('tls', addr),
    ],
    { classes: ['process'], support: 'partial', note: NAMESPACE_NOTE },
    (task, bits, stack, parentTid, childTid, tls) => {
      // Both would be written to the same place.
      if (bits & CLONE.PIDFD && bits & CLONE.PARENT_SETTID) return fail(E.EINVAL);
      return clone(task, {
        flags: (bits & ~CSIGNAL) >>> 0,
        exitSignal: bits & CSIGNAL,
        stack,
        parentTid,
        childTid,
        tls,
        pidfd: parentTid,
      });
    },
  ),
  syscall(
    NR.clone3,
    'clone3',
    [arg('cl_args', addr), arg('size', size)],
    { classes: ['process'], support: 'partial', note: `${NAMESPACE_NOTE}; no set_tid, no cgroup` },
    clone3,
  ),
  syscall(NR.fork, 'fork', [], { classes: ['process'] }, (task) => clone(task, like(0))),
  syscall(NR.vfork, 'vfork', [], { classes: ['process'] }, (task) =>
    clone(task, like(CLONE.VM | CLONE.VFORK)),
  ),
  syscall(
    NR.unshare,
    'unshare',
    [arg('flags', flags(cloneFlags))],
    {
      classes: ['process'],
      support: 'partial',
      note: 'CLONE_FILES, CLONE_FS and CLONE_SYSVSEM; no namespaces: EPERM, or EINVAL with CAP_SYS_ADMIN',
    },
    unshare,
  ),
  syscall(
    NR.setns,
    'setns',
    [arg('fd', fd), arg('nstype', word)],
    { classes: ['process'], support: 'partial', note: 'no descriptor refers to a namespace: EINVAL' },
    (task, number) => {
      task.files.require(number);
      return fail(E.EINVAL);
    },
  ),
];

function like(bits: number): CloneRequest {
  return {
    flags: bits,
    exitSignal: SIG.CHLD,
    stack: NOWHERE,
    parentTid: NOWHERE,
    childTid: NOWHERE,
    tls: NOWHERE,
    pidfd: NOWHERE,
  };
}

function clone3(task: Task, at: UserAddr, length: number): Result {
  if (length > PAGE_SIZE) return fail(E.E2BIG);
  if (length < CLONE_ARGS_SIZE_VER0) return fail(E.EINVAL);
  const given = task.memory.readBytes(at, length);
  // A newer program's fields that we do not know must ask for nothing.
  if (given.subarray(cloneArgs.size).some((byte) => byte !== 0)) return fail(E.E2BIG);
  const known = new Uint8Array(cloneArgs.size);
  known.set(given.subarray(0, cloneArgs.size));
  const args = cloneArgs.decode(known);
  const bits = args.flags;
  if (bits >= CLONE_INTO_CGROUP || args.setTid !== 0 || args.setTidSize !== 0) return fail(E.EINVAL);
  if (bits & (CLONE.DETACHED | (CSIGNAL & ~CLONE.NEWTIME))) return fail(E.EINVAL);
  if (args.exitSignal > NSIG) return fail(E.EINVAL);
  if (bits & (CLONE.THREAD | CLONE.PARENT) && args.exitSignal !== 0) return fail(E.EINVAL);
  if ((args.stack === 0) !== (args.stackSize === 0)) return fail(E.EINVAL);
  return clone(task, {
    flags: bits,
    exitSignal: args.exitSignal,
    stack: userAddr(args.stack + args.stackSize),
    parentTid: userAddr(args.parentTid),
    childTid: userAddr(args.childTid),
    tls: userAddr(args.tls),
    pidfd: userAddr(args.pidfd),
  });
}

const UNSHARED = CLONE.FS | CLONE.FILES | CLONE.SYSVSEM;
/** Possible only for a task that shares none of it. */
const ALONE = CLONE.THREAD | CLONE.SIGHAND | CLONE.VM;

function unshare(task: Task, bits: number): Result {
  if (bits & ~(UNSHARED | ALONE | NAMESPACES)) return fail(E.EINVAL);
  if (bits & ALONE && (task.group.tasks.size > 1 || (bits & CLONE.VM && task.mm.shared)))
    return fail(E.EINVAL);
  if (bits & NAMESPACES) return fail(has(task.creds, CAP.SYS_ADMIN) ? E.EINVAL : E.EPERM);
  if (bits & CLONE.FILES && task.files.shared) {
    if (!kernelMemory.of(task.kernel).has(task.files.copyBytes)) return fail(E.ENOMEM);
    const own = task.files.fork();
    task.files.release();
    task.files = own;
  }
  if (bits & CLONE.FS && task.fs.shared) {
    const own = task.fs.fork();
    task.fs.release();
    task.fs = own;
  }
  return 0;
}
