/** tcgetattr(3), tcsetattr(3) and their older forms, as ioctl(2) requests. */
import { E } from '../../../abi/errno.js';
import { SIG } from '../../../abi/signal.js';
import {
  NCCS,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TIOCGLCKTRMIOS,
  TIOCSLCKTRMIOS,
  termio,
  termios,
  termios2,
} from '../../../abi/termios.js';
import { userAddr } from '../../../base/brand.js';
import { CAP, has } from '../../auth/credentials.js';
import { fail, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { checkForeground } from './job-control.js';
import { noTermios, speedOf, type Termios } from './settings.js';
import type { Terminal } from './terminal.js';

const FLUSHING = new Set<number>([TCSETSF, TCSETSF2, TCSETAF]);
const OLD_NCC = 8;

export function termiosIoctl(terminal: Terminal, task: Task, request: number, arg: number): Result {
  const at = userAddr(arg);
  const now = terminal.termios;
  switch (request) {
    case TCGETS:
      task.memory.writeStruct(termios, at, now);
      return 0;
    case TCGETS2:
      task.memory.writeStruct(termios2, at, now);
      return 0;
    case TCGETA:
      task.memory.writeStruct(termio, at, { ...now, cc: now.cc.subarray(0, OLD_NCC) });
      return 0;
    case TIOCGLCKTRMIOS:
      task.memory.writeStruct(termios, at, terminal.lockedTermios);
      return 0;
    case TIOCSLCKTRMIOS:
      if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
      terminal.lockedTermios = { ...noTermios(), ...task.memory.readStruct(termios, at) };
      return 0;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
      return set(terminal, task, request, arg);
    default:
      return fail(E.ENOTTY);
  }
}

/** Output is with the master as soon as it is written: TCSADRAIN has nothing to wait for. */
function set(terminal: Terminal, task: Task, request: number, arg: number): Result {
  const refused = checkForeground(task, terminal, SIG.TTOU);
  if (refused) return refused;
  const wanted = read(terminal.termios, task, request, arg);
  if (FLUSHING.has(request)) terminal.flushInput();
  terminal.setTermios(wanted);
  return 0;
}

function read(now: Termios, task: Task, request: number, arg: number): Termios {
  const at = userAddr(arg);
  switch (request) {
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: {
      const given = task.memory.readStruct(termios2, at);
      return withSpeeds(given, given.ispeed, given.ospeed);
    }
    case TCSETA:
    case TCSETAW:
    case TCSETAF: {
      const given = task.memory.readStruct(termio, at);
      const cc = new Uint8Array(NCCS);
      cc.set(now.cc);
      cc.set(given.cc);
      const high = (old: number, low: number): number => ((old & 0xffff_0000) | low) >>> 0;
      return {
        ...now,
        iflag: high(now.iflag, given.iflag),
        oflag: high(now.oflag, given.oflag),
        cflag: high(now.cflag, given.cflag),
        lflag: high(now.lflag, given.lflag),
        cc,
      };
    }
    default:
      return withSpeeds(task.memory.readStruct(termios, at), now.ispeed, now.ospeed);
  }
}

function withSpeeds(given: Omit<Termios, 'ispeed' | 'ospeed'>, input: number, output: number): Termios {
  const ospeed = speedOf(given.cflag, output);
  const inputFlags = (given.cflag >>> 16) & 0o10017;
  const ispeed = inputFlags === 0 ? ospeed : speedOf(inputFlags, input);
  return { ...given, ispeed, ospeed };
}
