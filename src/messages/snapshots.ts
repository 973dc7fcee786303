/** What a kernel tells of itself when it is asked: plain values, true at the moment of the answer. */
export interface TaskSnapshot {
  readonly tid: number;
  readonly pid: number;
  readonly parentPid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly comm: string;
  readonly shard: number;
  /**
   * `new`: made, not started. `running`: its guest code runs, or may at any time. `blocked`: in a system
   * call that waits. `stopped`: by a pause or job control. `traced`: at rest for its tracer.
   */
  readonly state: 'new' | 'running' | 'blocked' | 'stopped' | 'traced' | 'zombie';
  /** Stopped by job control. */
  readonly groupStopped: boolean;
}

export interface MountSnapshot {
  readonly source: string;
  readonly target: string;
  readonly type: string;
}

export interface UtsSnapshot {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly domainname: string;
}

/** Process 1, also after its end. */
export interface InitSnapshot {
  readonly pid: number;
  /** wait(2) status, once it has ended. */
  readonly exitStatus: number | undefined;
}

/** What acts for the kernel itself, outside of every guest. */
export interface SupervisorSnapshot {
  readonly uid: number;
  readonly gid: number;
  /** Capability sets as hexadecimal masks, as /proc/pid/status has them. */
  readonly effective: string;
  readonly permitted: string;
  readonly mayTraceAnything: true;
  /** No resource limit holds. */
  readonly limits: 'none';
}

/** One line of the kernel's log. */
export interface SyslogEntry {
  /** 0 (emergency) … 7 (debug). */
  readonly level: number;
  /** Nanoseconds since the kernel began. */
  readonly timeNs: number;
  readonly text: string;
}

/** What a shard can be asked, and how it answers. */
export interface ShardQueries {
  readonly tasks: readonly TaskSnapshot[];
  readonly mounts: readonly MountSnapshot[];
  readonly uts: UtsSnapshot;
  readonly supervisor: SupervisorSnapshot;
  readonly syslog: readonly SyslogEntry[];
}

export type ShardQuery = keyof ShardQueries;
