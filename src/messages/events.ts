/**
 * What happened, as data: the union behind `kernel.events$`. Field names follow strace and gVisor's
 * trace points.
 */
export interface EventBase {
  /** No gaps within one kernel and shard. */
  readonly sequence: number;
  /** Monotonic guest time. */
  readonly timeNs: number;
  readonly pid: number;
  readonly tid: number;
  readonly shard: number;
}

export type KernelEvent = EventBase &
  (
    | {
        readonly type: 'syscall';
        readonly name: string;
        readonly number: number;
        readonly args: readonly string[];
        readonly result: number;
        readonly line: string;
      }
    | { readonly type: 'unimplemented'; readonly name: string; readonly number: number }
    | { readonly type: 'taskStart'; readonly comm: string }
    | { readonly type: 'taskExit'; readonly status: number }
    | { readonly type: 'exec'; readonly filename: string; readonly argv: readonly string[] }
    | { readonly type: 'signalDelivered'; readonly signo: number; readonly code: number }
    | { readonly type: 'fault'; readonly signo: number; readonly code: number; readonly addr: number }
    | { readonly type: 'guestBroken'; readonly why: string }
  );

export type EventType = KernelEvent['type'];
