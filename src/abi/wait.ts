/** wait4(2), waitid(2): options, and how a status word says what happened. */
export const WNOHANG = 0x1;
export const WUNTRACED = 0x2;
export const WSTOPPED = 0x2;
export const WEXITED = 0x4;
export const WCONTINUED = 0x8;
export const WNOWAIT = 0x0100_0000;
export const __WNOTHREAD = 0x2000_0000;
export const __WALL = 0x4000_0000;
export const __WCLONE = 0x8000_0000;
export const waitOptions = {
  WNOHANG,
  WUNTRACED,
  WEXITED,
  WCONTINUED,
  WNOWAIT,
  __WNOTHREAD,
  __WALL,
  __WCLONE,
} as const;

export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;
export const P_PIDFD = 3;
export const waitIdTypes = { P_ALL, P_PID, P_PGID, P_PIDFD } as const;

/** Set in a signalled status when a core was dumped. */
export const WCOREFLAG = 0x80;

export const exitedStatus = (code: number): number => (code & 0xff) << 8;
export const signalledStatus = (signo: number, options: { core: boolean } = { core: false }): number =>
  signo | (options.core ? WCOREFLAG : 0);
export const stoppedStatus = (signo: number): number => (signo << 8) | 0x7f;
export const CONTINUED_STATUS = 0xffff;

export const statusExited = (status: number): boolean => (status & 0x7f) === 0;
export const statusCode = (status: number): number => (status >> 8) & 0xff;
export const statusSignalled = (status: number): boolean => (status & 0x7f) !== 0 && (status & 0x7f) !== 0x7f;
export const statusSignal = (status: number): number => status & 0x7f;
export const statusCoreDumped = (status: number): boolean => (status & WCOREFLAG) !== 0;
export const statusStopped = (status: number): boolean => (status & 0xff) === 0x7f;
export const statusStopSignal = (status: number): number => (status >> 8) & 0xff;
