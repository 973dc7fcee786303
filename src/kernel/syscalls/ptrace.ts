/** ptrace(2). What stops a tracee is in ../ptrace/ and the run loop; here is what its tracer may ask. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { iovec } from '../../abi/open.js';
import {
  AUDIT_ARCH_X86_64,
  DEBUG_REGISTERS,
  NT_PRFPREG,
  NT_PRSTATUS,
  NT_X86_XSTATE,
  PTRACE,
  PTRACE_EVENT,
  PTRACE_O,
  PTRACE_O_MASK,
  PTRACE_PEEKSIGINFO_SHARED,
  PTRACE_SYSCALL_INFO,
  peekSiginfoArgs,
  ptraceRequests,
  syscallInfoHead,
  USER_DEBUGREG,
  USER_REGS_SIZE,
  USER_SIZE,
} from '../../abi/ptrace.js';
import { NSIG, SIG, SIGINFO_SIZE, SIGSET_SIZE } from '../../abi/signal.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { RegisterSet } from '../../platform/platform.js';
import { CAP, has } from '../auth/credentials.js';
import { fail, type Result } from '../outcome.js';
import { checkTraceAccess } from '../ptrace/access.js';
import { peek, poke } from '../ptrace/memory.js';
import { leaveStop, requestTrap } from '../ptrace/stop.js';
import { detach, link, standingAt, type Tracee, type TraceStop } from '../ptrace/tracee.js';
import { sendToTask, setMask } from '../signal/send.js';
import { encodeSiginfo, kernelSignal } from '../signal/siginfo.js';
import { kick } from '../task/run-queue.js';
import type { Task } from '../task/task.js';
import { addr, choice, int, word } from './codecs.js';
import { arg, syscall } from './declare.js';

const WORD = 8;

export const ptraceCalls = [
  syscall(
    NR.ptrace,
    'ptrace',
    [arg('op', choice(ptraceRequests)), arg('pid', int), arg('addr', addr), arg('data', word)],
    {
      classes: ['process'],
      support: 'partial',
      note: 'no hardware breakpoints, no PTRACE_SYSEMU, no PTRACE_SINGLEBLOCK: EIO',
    },
    ptrace,
  ),
];

function ptrace(task: Task, request: number, pid: number, at: UserAddr, data: number): Result {
  if (request === PTRACE.TRACEME) return traceMe(task);
  const target = task.kernel.tasks.byTid(pid);
  if (!target) return fail(E.ESRCH);
  if (request === PTRACE.ATTACH || request === PTRACE.SEIZE) return attach(task, target, request, at, data);
  const { tracee } = target;
  if (tracee?.tracer !== task || target.state.name === 'dead') return fail(E.ESRCH);
  if (request === PTRACE.KILL) {
    if (tracee.stop) leaveStop(tracee, { watch: 'nothing', signal: SIG.KILL });
    sendToTask(target, kernelSignal(SIG.KILL));
    return 0;
  }
  if (request === PTRACE.INTERRUPT) {
    if (tracee.how !== 'seized') return fail(E.EIO);
    requestTrap(target, tracee);
    return 0;
  }
  const stop = standingAt(target);
  if (!stop) return fail(E.ESRCH);
  const operation = operations.get(request);
  return operation ? operation({ task, target, tracee, stop, at, data }) : fail(E.EIO);
}

interface Request {
  /** The tracer. */
  readonly task: Task;
  readonly target: Task;
  readonly tracee: Tracee;
  readonly stop: TraceStop;
  readonly at: UserAddr;
  readonly data: number;
}
type Operation = (request: Request) => Result;

const operations = new Map<number, Operation>([
  [PTRACE.CONT, (r) => resume(r, 'nothing')],
  [PTRACE.SYSCALL, (r) => resume(r, 'syscall')],
  [PTRACE.SINGLESTEP, (r) => resume(r, 'step')],
  [
    PTRACE.DETACH,
    ({ target, data }) => {
      if (data > NSIG) return fail(E.EIO);
      detach(target, data);
      return 0;
    },
  ],
  [PTRACE.LISTEN, listen],
  [PTRACE.PEEKTEXT, peekWord],
  [PTRACE.PEEKDATA, peekWord],
  [PTRACE.POKETEXT, pokeWord],
  [PTRACE.POKEDATA, pokeWord],
  [PTRACE.PEEKUSER, peekUser],
  [PTRACE.POKEUSER, pokeUser],
  [PTRACE.GETREGS, (r) => getSet(r, 'general')],
  [PTRACE.SETREGS, (r) => setSet(r, 'general', USER_REGS_SIZE)],
  [PTRACE.GETFPREGS, (r) => getSet(r, 'floating')],
  [PTRACE.SETFPREGS, (r) => setSet(r, 'floating', FP_SIZE)],
  [PTRACE.GETREGSET, getRegisterSet],
  [PTRACE.SETREGSET, setRegisterSet],
  [PTRACE.SETOPTIONS, ({ task, tracee, data }) => setOptions(task, tracee, data)],
  [
    PTRACE.GETEVENTMSG,
    ({ task, tracee, data }) => {
      task.memory.writeU64(userAddr(data), tracee.message);
      return 0;
    },
  ],
  [
    PTRACE.GETSIGINFO,
    ({ task, stop, data }) => {
      if (!stop.info) return fail(E.EINVAL);
      task.memory.write(userAddr(data), encodeSiginfo(stop.info));
      return 0;
    },
  ],
  [PTRACE.SETSIGINFO, setSiginfo],
  [PTRACE.PEEKSIGINFO, peekSiginfo],
  [PTRACE.GETSIGMASK, getMask],
  [PTRACE.SETSIGMASK, changeMask],
  [PTRACE.GET_SYSCALL_INFO, syscallInfo],
  [PTRACE.SECCOMP_GET_FILTER, () => fail(E.EACCES)],
]);

const FP_SIZE = 512;

// --- Who traces whom ---

function traceMe(task: Task): Result {
  const { parent, creator } = task.group;
  const tracer = creator ?? parent?.leader;
  if (task.tracee || !tracer || tracer.state.name === 'dead') return fail(E.EPERM);
  link(task, tracer, 'attached');
  return 0;
}

function attach(task: Task, target: Task, request: number, at: UserAddr, data: number): Result {
  const seize = request === PTRACE.SEIZE;
  if (seize && (at !== 0 || data & ~PTRACE_O_MASK)) return fail(E.EIO);
  if (target.group === task.group) return fail(E.EPERM);
  const refused = checkTraceAccess(task, target);
  if (refused) return refused;
  if (target.tracee || target.state.name === 'dead') return fail(E.EPERM);
  const tracee = link(target, task, seize ? 'seized' : 'attached');
  if (seize) tracee.options = data;
  else sendToTask(target, kernelSignal(SIG.STOP));
  // One that has stopped already stands from now on for its tracer.
  if (target.groupStopped) {
    target.groupStopped = false;
    target.stopCount--;
    tracee.trapPending = true;
    kick(target);
  }
  return 0;
}

function setOptions(task: Task, tracee: Tracee, options: number): Result {
  if (options & ~PTRACE_O_MASK) return fail(E.EINVAL);
  if (options & PTRACE_O.SUSPEND_SECCOMP && !has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  tracee.options = options;
  return 0;
}

// --- Going on ---

function resume({ tracee, data }: Request, watch: Tracee['watch']): Result {
  if (data > NSIG) return fail(E.EIO);
  leaveStop(tracee, { watch, signal: data });
  return 0;
}

function listen({ target, tracee, stop }: Request): Result {
  if (tracee.how !== 'seized' || stop.code >> 8 !== PTRACE_EVENT.STOP) return fail(E.EIO);
  tracee.listening = true;
  if (tracee.trapPending) requestTrap(target, tracee);
  return 0;
}

// --- Memory ---

function peekWord({ task, target, at, data }: Request): Result {
  const bytes = new Uint8Array(WORD);
  if (peek(target.mm, at, bytes) !== WORD) return fail(E.EIO);
  task.memory.write(userAddr(data), bytes);
  return 0;
}

/** The word comes in the register itself: all 64 bits of it. */
function pokeWord({ task, target, at }: Request): Result {
  const word = Uint32Array.of(task.context.argLo(3), task.context.argHi(3));
  return poke(target.mm, at, new Uint8Array(word.buffer)) === WORD ? 0 : fail(E.EIO);
}

// --- Registers ---

/** struct user: the general registers, and debug registers that are never set. */
function peekUser({ task, target, at, data }: Request): Result {
  if (at % WORD !== 0 || at >= USER_SIZE) return fail(E.EIO);
  const bytes =
    at < USER_REGS_SIZE
      ? target.context.readRegisters('general').subarray(at, at + WORD)
      : new Uint8Array(WORD);
  task.memory.write(userAddr(data), bytes);
  return 0;
}

function pokeUser({ task, target, at, data }: Request): Result {
  if (at % WORD !== 0 || at >= USER_SIZE) return fail(E.EIO);
  if (at >= USER_REGS_SIZE) {
    const isDebug = at >= USER_DEBUGREG && at < USER_DEBUGREG + DEBUG_REGISTERS * WORD;
    return isDebug && data === 0 ? 0 : fail(E.EIO);
  }
  const image = target.context.readRegisters('general');
  const word = Uint32Array.of(task.context.argLo(3), task.context.argHi(3));
  image.set(new Uint8Array(word.buffer), at);
  return target.context.writeRegisters('general', image) ? 0 : fail(E.EIO);
}

function getSet({ task, target, data }: Request, set: RegisterSet): Result {
  task.memory.write(userAddr(data), target.context.readRegisters(set));
  return 0;
}

function setSet({ task, target, data }: Request, set: RegisterSet, size: number): Result {
  const image = task.memory.readBytes(userAddr(data), size);
  return target.context.writeRegisters(set, image) ? 0 : fail(E.EIO);
}

const SETS: Readonly<Record<number, RegisterSet>> = {
  [NT_PRSTATUS]: 'general',
  [NT_PRFPREG]: 'floating',
  [NT_X86_XSTATE]: 'extended',
};

/** The iovec says how much, and is told how much it was. */
function getRegisterSet({ task, target, at, data }: Request): Result {
  const vector = task.memory.readStruct(iovec, userAddr(data));
  const set = SETS[at];
  const image = set && target.context.readRegisters(set);
  if (!image || image.length === 0) return fail(set ? E.ENODEV : E.EINVAL);
  if (vector.len % WORD !== 0) return fail(E.EINVAL);
  const part = image.subarray(0, Math.min(vector.len, image.length));
  task.memory.write(userAddr(vector.base), part);
  task.memory.writeU64(userAddr(data + WORD), part.length);
  return 0;
}

function setRegisterSet({ task, target, at, data }: Request): Result {
  const vector = task.memory.readStruct(iovec, userAddr(data));
  const set = SETS[at];
  const size = set ? target.context.readRegisters(set).length : 0;
  if (!set || size === 0) return fail(set ? E.ENODEV : E.EINVAL);
  if (vector.len % WORD !== 0) return fail(E.EINVAL);
  if (set === 'extended' && vector.len < size) return fail(E.EFAULT);
  const length = Math.min(vector.len, size);
  const image = target.context.readRegisters(set);
  image.set(task.memory.readBytes(userAddr(vector.base), length));
  if (!target.context.writeRegisters(set, image)) return fail(set === 'general' ? E.EIO : E.EINVAL);
  task.memory.writeU64(userAddr(data + WORD), length);
  return 0;
}

// --- Signals ---

function setSiginfo({ task, stop, data }: Request): Result {
  const bytes = task.memory.readBytes(userAddr(data), SIGINFO_SIZE);
  if (!stop.info) return fail(E.EINVAL);
  const view = new DataView(bytes.buffer);
  stop.info = { signo: view.getInt32(0, true), code: view.getInt32(8, true), kind: 'raw', bytes };
  return 0;
}

/** Answers how many it copied. */
function peekSiginfo({ task, target, at, data }: Request): Result {
  const { off, flags, nr } = task.memory.readStruct(peekSiginfoArgs, at);
  if (flags & ~PTRACE_PEEKSIGINFO_SHARED || nr > 0x7fff_ffff) return fail(E.EINVAL);
  const queue = flags & PTRACE_PEEKSIGINFO_SHARED ? target.group.pending : target.pending;
  const infos = queue.list().slice(off, off + nr);
  infos.forEach((info, i) => {
    task.memory.write(userAddr(data + i * SIGINFO_SIZE), encodeSiginfo(info));
  });
  return infos.length;
}

function getMask({ task, target, at, data }: Request): Result {
  if (at !== SIGSET_SIZE) return fail(E.EINVAL);
  const { lo, hi } = target.savedMask ?? target.mask;
  task.memory.write(userAddr(data), new Uint8Array(Uint32Array.of(lo, hi).buffer));
  return 0;
}

function changeMask({ task, target, at, data }: Request): Result {
  if (at !== SIGSET_SIZE) return fail(E.EINVAL);
  const view = new DataView(task.memory.readBytes(userAddr(data), SIGSET_SIZE).buffer);
  target.savedMask = undefined;
  setMask(target, { lo: view.getUint32(0, true), hi: view.getUint32(4, true) });
  return 0;
}

// --- The call it is in ---

const HEAD = syscallInfoHead.size;
const ENTRY_SIZE = HEAD + WORD + 6 * WORD;
const EXIT_SIZE = HEAD + WORD + 1;

/** Answers how many bytes there are; writes as many of them as there is room for. */
function syscallInfo({ task, target, stop, at, data }: Request): Result {
  const { context } = target;
  const image = new Uint8Array(ENTRY_SIZE);
  const view = new DataView(image.buffer);
  let op: number = PTRACE_SYSCALL_INFO.NONE;
  let size = HEAD;
  if (stop.kind === 'syscallEntry') {
    op = PTRACE_SYSCALL_INFO.ENTRY;
    size = ENTRY_SIZE;
    view.setUint32(HEAD, context.syscallNumber(), true);
    for (let i = 0; i < 6; i++) {
      view.setUint32(HEAD + WORD * (i + 1), context.argLo(i), true);
      view.setUint32(HEAD + WORD * (i + 1) + 4, context.argHi(i), true);
    }
  } else if (stop.kind === 'syscallExit') {
    op = PTRACE_SYSCALL_INFO.EXIT;
    size = EXIT_SIZE;
    const { lo, hi } = context.getReturn();
    view.setUint32(HEAD, lo, true);
    view.setUint32(HEAD + 4, hi, true);
    view.setUint8(HEAD + WORD, hi === 0xffff_ffff && lo >= 0xffff_f001 ? 1 : 0);
  }
  image.set(
    syscallInfoHead.encode({
      op,
      arch: AUDIT_ARCH_X86_64,
      instructionPointer: context.getPc(),
      stackPointer: context.getSp(),
    }),
  );
  task.memory.write(userAddr(data), image.subarray(0, Math.min(at, size)));
  return size;
}
