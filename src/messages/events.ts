/**
 * What happened, as data: the union behind `kernel.events$`. Names of fields follow strace and gVisor's
 * trace points (pkg/sentry/seccheck), in camelCase.
 *
 * Events of one shard come in order; those of different shards are put in order by `timeNs`.
 */
export interface EventBase {
  /** Counts what this observer got, from 0, without gaps: what is missing was counted by `dropped`. */
  readonly seq: number;
  /** Monotonic guest time. */
  readonly timeNs: number;
  /** Thread group and task it is about; 0: the kernel itself. */
  readonly pid: number;
  readonly tid: number;
  readonly shard: number;
}

/** What every observer gets, whatever its filter. */
export type StreamEvent = EventBase &
  (
    | {
        /** The first event: whose events these are. */
        readonly type: 'kernel';
        readonly hostname: string;
        readonly cores: number;
        readonly shards: number;
        readonly memoryBytes: number;
        readonly maxTasks: number;
        /** Version of troupe's event format: fields are added, never changed, within one. */
        readonly format: 1;
      }
    /** Events that a lossy observer was too slow for, since the one before. */
    | { readonly type: 'dropped'; readonly count: number }
    /** The last event. `events` counts those delivered before it, `dropped` those that were not. */
    | { readonly type: 'end'; readonly events: number; readonly dropped: number }
  );

interface CallFields {
  readonly name: string;
  readonly sysno: number;
  /** As strace shows them. At the entry, what comes out is an address still. */
  readonly args: readonly string[];
  /** Files it names, absolute; there when an observer filters by path. */
  readonly paths?: readonly string[];
}

export type SyscallEvent = EventBase &
  (
    | (CallFields & { readonly type: 'syscallEnter' })
    | (CallFields & {
        readonly type: 'syscall';
        /** Null when it did not return: exit, a restart, a kill. */
        readonly result: number | null;
        readonly errno: number;
        /** What strace shows behind the `=`. */
        readonly resultText: string;
        /** From its entry to this event, which is its return. */
        readonly durationNs: number;
      })
    | { readonly type: 'unimplemented'; readonly name: string; readonly sysno: number }
  );

export type TaskEvent = EventBase &
  (
    | { readonly type: 'taskStart'; readonly comm: string; readonly ppid: number }
    | { readonly type: 'exec'; readonly filename: string; readonly argv: readonly string[] }
    /** wait(2) status. */
    | { readonly type: 'taskExit'; readonly exitStatus: number }
    /** The last task of a process has ended, and its parent is told. */
    | { readonly type: 'processExit'; readonly exitStatus: number; readonly ppid: number }
  );

interface SignalFields {
  /** SIGTERM … */
  readonly signal: string;
  readonly signo: number;
  readonly code: number;
  /** 0 where the kernel sent it. */
  readonly senderPid: number;
  readonly senderUid: number;
}

export type SignalEvent = EventBase &
  (
    | (SignalFields & { readonly type: 'signalSent'; readonly to: 'task' | 'group' })
    | (SignalFields & {
        readonly type: 'signalDelivered';
        readonly action: 'handler' | 'default';
        /** What strace shows of siginfo_t. */
        readonly infoText: string;
      })
  );

export type StopEvent = EventBase &
  (
    | { readonly type: 'groupStop'; readonly signo: number }
    | { readonly type: 'groupContinue' }
    /** From outside; one for each shard. */
    | { readonly type: 'pause' }
    | { readonly type: 'unpause' }
  );

export type TimerEvent = EventBase &
  (
    | {
        readonly type: 'timerSet';
        readonly timer: 'real' | 'posix' | 'timerfd';
        readonly id: number;
        /** 0: it was disarmed. */
        readonly remainingNs: number;
        readonly intervalNs: number;
      }
    | { readonly type: 'timerExpired'; readonly timer: 'real' | 'posix' | 'timerfd'; readonly id: number }
  );

/** What a successful system call did to a file. A path is absolute; links in it are not followed. */
export type FileEvent = EventBase &
  (
    | { readonly type: 'fileOpen'; readonly path: string; readonly fd: number; readonly flags: string }
    | { readonly type: 'fileClose'; readonly path: string; readonly fd: number }
    | { readonly type: 'fileRename'; readonly path: string; readonly newPath: string }
    | { readonly type: 'fileUnlink'; readonly path: string }
  );

export type FaultEvent = EventBase &
  (
    | { readonly type: 'fault'; readonly signo: number; readonly code: number; readonly addr: number }
    | { readonly type: 'guestBroken'; readonly why: string }
    /** A hook of the embedder threw; its process was killed. */
    | { readonly type: 'hookError'; readonly module: string; readonly why: string }
  );

/** What a task waits for something, and goes on. */
export type SchedulingEvent = EventBase &
  (
    | { readonly type: 'block' }
    | { readonly type: 'wake'; readonly how: 'ready' | 'timedOut' | 'interrupted' | 'killed' }
  );

export type KernelEvent =
  | StreamEvent
  | SyscallEvent
  | TaskEvent
  | SignalEvent
  | StopEvent
  | TimerEvent
  | FileEvent
  | FaultEvent
  | SchedulingEvent;

export type EventType = KernelEvent['type'];
export type EventOf<T extends EventType> = Extract<KernelEvent, { readonly type: T }>;

/** The types of events that can be asked for, by what they are about. */
export const EVENT_TYPES = {
  syscalls: ['syscallEnter', 'syscall', 'unimplemented'],
  tasks: ['taskStart', 'exec', 'taskExit', 'processExit'],
  signals: ['signalSent', 'signalDelivered'],
  stops: ['groupStop', 'groupContinue', 'pause', 'unpause'],
  timers: ['timerSet', 'timerExpired'],
  files: ['fileOpen', 'fileClose', 'fileRename', 'fileUnlink'],
  faults: ['fault', 'guestBroken', 'hookError'],
  scheduling: ['block', 'wake'],
} as const satisfies Record<string, readonly Exclude<EventType, StreamEvent['type']>[]>;

/** An observer as it is sent to the shards. Strings are byte strings. */
export interface ObserverSpec {
  /** Never used twice. */
  readonly id: number;
  /** Its words in the event block (actors/event-block.ts). */
  readonly slot: number;
  readonly types: readonly EventType[];
  /** Thread groups; absent: all. */
  readonly pids?: readonly number[];
  /** strace's -e trace=, for events of system calls; absent: all. */
  readonly syscalls?: string;
  /** Files, or directories with all beneath; absent: events need not name a file. */
  readonly paths?: readonly string[];
  /** When it is slow: lose events, and count them; or hold the guests. */
  readonly mode: 'lossy' | 'lossless';
}
