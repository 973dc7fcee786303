/**
 * Every system call of x86-64, by number. Families declare theirs in files of their own; what none
 * declares, absent.ts does, so a number with a name always has an entry.
 */
import { NR_END } from '../../abi/numbers.js';
import { assert } from '../../base/assert.js';
import { absentCalls } from './absent.js';
import { attributesCalls } from './attributes.js';
import { capabilityCalls } from './capability.js';
import { clockCalls } from './clock.js';
import { cloneCalls } from './clone.js';
import { credentialsCalls } from './credentials.js';
import type { Declaration } from './declare.js';
import { dirCalls } from './dir.js';
import { epollCalls } from './epoll.js';
import { eventfdCalls } from './eventfd.js';
import { execCalls } from './exec.js';
import { exitCalls } from './exit.js';
import { fcntlCalls } from './fcntl.js';
import { futexCalls } from './futex.js';
import { identityCalls } from './identity.js';
import { ioctlCalls } from './ioctl.js';
import { itimerCalls } from './itimer.js';
import { killCalls } from './kill.js';
import { linkCalls } from './link.js';
import { madviseCalls } from './madvise.js';
import { miscCalls } from './misc.js';
import { mlockCalls } from './mlock.js';
import { mmapCalls } from './mmap.js';
import { mountCalls } from './mount.js';
import { openCalls } from './open.js';
import { pidfdCalls } from './pidfd.js';
import { pipeCalls } from './pipe.js';
import { pollCalls } from './poll.js';
import { posixTimerCalls } from './posix-timer.js';
import { prctlCalls } from './prctl.js';
import { priorityCalls } from './priority.js';
import { processVmCalls } from './process-vm.js';
import { ptraceCalls } from './ptrace.js';
import { randomCalls } from './random.js';
import { readCalls } from './read.js';
import { resourceCalls } from './resource.js';
import { schedCalls } from './sched.js';
import { signalCalls } from './signal.js';
import { signalfdCalls } from './signalfd.js';
import { socketCalls } from './socket.js';
import { statCalls } from './stat.js';
import { syncCalls } from './sync.js';
import { sysinfoCalls } from './sysinfo.js';
import { unameCalls } from './uname.js';
import { waitCalls } from './wait.js';
import { xattrCalls } from './xattr.js';

const families = [
  openCalls,
  readCalls,
  statCalls,
  dirCalls,
  linkCalls,
  fcntlCalls,
  ioctlCalls,
  xattrCalls,
  mountCalls,
  syncCalls,
  mmapCalls,
  madviseCalls,
  mlockCalls,
  processVmCalls,
  pipeCalls,
  pollCalls,
  epollCalls,
  eventfdCalls,
  signalfdCalls,
  pidfdCalls,
  socketCalls,
  cloneCalls,
  execCalls,
  waitCalls,
  exitCalls,
  signalCalls,
  killCalls,
  itimerCalls,
  posixTimerCalls,
  futexCalls,
  identityCalls,
  credentialsCalls,
  capabilityCalls,
  prctlCalls,
  ptraceCalls,
  resourceCalls,
  schedCalls,
  priorityCalls,
  clockCalls,
  unameCalls,
  sysinfoCalls,
  randomCalls,
  miscCalls,
  attributesCalls,
] as const satisfies readonly (readonly Declaration[])[];

/** The calls that have a handler, with their names and arguments as types. */
export type Declared = (typeof families)[number][number];

/** By number. Numbers without a name (336–423, and beyond the end) have no entry. */
export const table: readonly (Declaration | undefined)[] = build();

/** All of them, in the order of their numbers. */
export const declarations: readonly Declaration[] = table.filter((d) => d !== undefined);

function build(): (Declaration | undefined)[] {
  const out = new Array<Declaration | undefined>(NR_END).fill(undefined);
  for (const family of families) {
    for (const d of family) {
      assert(out[d.number] === undefined, `system call ${d.number} (${d.name}) is declared twice`);
      out[d.number] = d;
    }
  }
  const declared = new Set(out.flatMap((d) => (d ? [d.number] : [])));
  for (const d of absentCalls(declared)) out[d.number] = d;
  return out;
}
