/**
 * Home ↔ bodies: what the home shard and a shard that runs processes away from it say to each other
 * (docs/decisions/0032). Plain values; each direction is a ring and arrives in order.
 *
 * A shard may ask and stand until it is answered; the home only tells.
 */
import type { Errno } from '../../abi/errno.js';
import type { Credentials } from '../auth/credentials.js';
import type { Attributes } from '../fs/inode.js';
import type { ImageFacts } from '../mm/memory-manager.js';
import type { Restart } from '../outcome.js';
import type { SignalAction } from '../signal/actions.js';
import type { SignalMask } from '../signal/mask.js';
import type { SignalInfo } from '../signal/siginfo.js';
import type { CloneRequest } from '../task/clone.js';
import type { Limit } from '../task/limits.js';
import type { CpuTime } from '../task/thread-group.js';
import type { Books } from './books.js';

/** A file at home that a body maps or loads: a description kept there under a number until `releaseFile`. */
export interface LentFile {
  readonly handle: number;
  /** Of its open file description. */
  readonly flags: number;
  readonly attributes: Attributes;
  /** The same number, the same inode: keys of shared futexes. */
  readonly inode: number;
  readonly mountFlags: number;
  readonly name: string;
  /** For reading and private mappings, which is what nearly all are borrowed for; or why not, an errno. */
  readonly readable: LentMapping | Errno;
}

export interface LentMapping {
  readonly fd: number;
  readonly base: number;
}

/** What somebody asks, and what is answered; a refusal is an errno. */
export type Question =
  /** A number for a child, whose deputy is made. */
  | { readonly type: 'clone'; readonly tid: number; readonly request: CloneRequest }
  /** A program, opened to be executed by the task. */
  | { readonly type: 'program'; readonly tid: number; readonly path: string }
  /** The same below a descriptor of it (execveat(2)). */
  | {
      readonly type: 'programBelow';
      readonly tid: number;
      readonly fd: number;
      readonly path: string;
      readonly followLast: boolean;
    }
  /** An open file of the task. */
  | { readonly type: 'file'; readonly tid: number; readonly fd: number }
  /** A shared mapping of a lent file. */
  | {
      readonly type: 'mapping';
      readonly handle: number;
      readonly shared: boolean;
      readonly write: boolean;
    }
  /** Whether nobody could continue the process if it stopped: setpgid(2). */
  | { readonly type: 'orphaned'; readonly pid: number };

export type Answer =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'file'; readonly file: LentFile }
  | { readonly type: 'mapping'; readonly mapping: LentMapping }
  | { readonly type: 'refused'; readonly errno: Errno };

/** What a program looks like once it is loaded. */
export interface LoadedFacts {
  readonly hostPid: number;
  readonly comm: string;
  readonly creds: Credentials;
  readonly image: Omit<ImageFacts, 'exe'>;
  /** The program's file, a handle; the deputy takes its place over. */
  readonly exe: number;
}

/** A process that is to run on another shard, as it is when it executes a program. */
export interface Traveller {
  readonly pid: number;
  readonly filename: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly creds: Credentials;
  readonly mask: SignalMask;
  readonly ignored: readonly number[];
  readonly limits: readonly Limit[];
  readonly personality: number;
  readonly timerSlackNs: number;
}

/** How a forwarded call ended; a negative number is -errno. */
export type ForwardedOutcome =
  | { readonly type: 'returned'; readonly value: number }
  | { readonly type: 'restart'; readonly rule: Restart['rule'] };

export type ToHome =
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  /** A system call, by number and the halves of its registers. */
  | {
      readonly type: 'call';
      readonly tid: number;
      readonly number: number;
      readonly args: readonly number[];
      /** The task's signal mask: who reads a terminal in the background is asked for it. */
      readonly mask: SignalMask;
    }
  /** A signal waits: the call is to end as an interrupted one. Sent again until the call has ended. */
  | { readonly type: 'cancel'; readonly tid: number }
  /** Nobody waits for the call's outcome any more. */
  | { readonly type: 'abandon'; readonly tid: number }
  /** The child of a `clone` runs, or could not be made. */
  | { readonly type: 'born'; readonly tid: number; readonly hostPid: number }
  | { readonly type: 'unborn'; readonly tid: number }
  /** The task executed a program where it is; it is the only one of its group now. */
  | {
      readonly type: 'executed';
      readonly tid: number;
      readonly filename: string;
      readonly facts: LoadedFacts;
    }
  /** The answer to `arrive`. */
  | { readonly type: 'arrived'; readonly pid: number; readonly result: LoadedFacts | Errno }
  | { readonly type: 'action'; readonly pid: number; readonly signo: number; readonly action: SignalAction }
  /** It stopped or went on. */
  | { readonly type: 'changed'; readonly pid: number; readonly stoppedBy: number }
  | { readonly type: 'threadEnded'; readonly tid: number; readonly status: number }
  | {
      readonly type: 'ended';
      readonly pid: number;
      readonly status: number;
      readonly cpu: CpuTime;
      readonly maxResident: number;
    }
  | { readonly type: 'releaseFile'; readonly handle: number }
  /** The answer to `tellBooks`. */
  | { readonly type: 'books'; readonly pid: number; readonly books: Books }
  /** Signals that wait for a process that is watched; `taken`: how many `signalTaken` it knows of. Thread 0: the group. */
  | {
      readonly type: 'pending';
      readonly pid: number;
      readonly taken: number;
      readonly pending: readonly { readonly tid: number; readonly infos: readonly SignalInfo[] }[];
    }
  | FutexWake;

export type FromHome =
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'outcome'; readonly tid: number; readonly outcome: ForwardedOutcome }
  /** `tid` 0: to the group as a whole. */
  | { readonly type: 'signal'; readonly pid: number; readonly tid: number; readonly info: SignalInfo }
  /** Somebody reads of the process what its body knows. */
  | { readonly type: 'tellBooks'; readonly pid: number }
  /** A signalfd may show the process's signals: home is to know which wait, from now on. */
  | { readonly type: 'watchSignals'; readonly pid: number }
  /** One of them was read there; `tid` 0: one of the group's. */
  | { readonly type: 'signalTaken'; readonly pid: number; readonly tid: number; readonly signo: number }
  /** Load a program for this process; it waits for `go`. */
  | { readonly type: 'arrive'; readonly traveller: Traveller }
  | { readonly type: 'go'; readonly pid: number }
  /** This thread reported something straight to the home that its shard is to see to. */
  | { readonly type: 'look'; readonly tid: number }
  /** The process is gone from here; nobody wants to hear of it. */
  | { readonly type: 'discard'; readonly pid: number }
  | FutexWake;

/** A wake-up of a futex in shared memory, for waiters on other shards: `inode` is a LentFile's. */
export interface FutexWake {
  readonly type: 'futexWake';
  readonly inode: number;
  readonly at: number;
  readonly count: number;
  readonly bits: number;
}
