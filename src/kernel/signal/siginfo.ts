/**
 * What is known about a signal, and its siginfo_t (sigaction(2)).
 */
import {
  type CLD,
  SI,
  SIG,
  SIGINFO_SIZE,
  siginfoChild,
  siginfoFault,
  siginfoKill,
  siginfoPoll,
  siginfoTimer,
  signalName,
} from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';

/** si_value: a 64-bit word in two halves. */
export interface SignalValue {
  readonly lo: number;
  readonly hi: number;
}

export type SignalInfo = { readonly signo: number; readonly code: number } & (
  | { readonly kind: 'kill'; readonly pid: number; readonly uid: number; readonly value?: SignalValue }
  | {
      readonly kind: 'child';
      readonly pid: number;
      readonly uid: number;
      readonly status: number;
      /** Clock ticks. */
      readonly utime: number;
      readonly stime: number;
    }
  | { readonly kind: 'fault'; readonly addr: UserAddr; readonly error: number; readonly trapno: number }
  | { readonly kind: 'poll'; readonly band: number; readonly fd: number }
  | {
      readonly kind: 'timer';
      readonly timerId: number;
      readonly overrun: number;
      readonly value: SignalValue;
      /**
       * The timer's word when the signal leaves the queue: it goes on, and says what it missed. Absent in a copy that
       * is only shown (home/shown-signals.ts).
       */
      readonly timer?: { taken(info: SignalInfo, setting: number): SignalInfo };
      /** Which of its settings sent it. */
      readonly setting: number;
    }
  /** As a guest gave it to rt_sigqueueinfo(2). */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
);

/** A signal that the kernel sends without more to say (SI_KERNEL). */
export function kernelSignal(signo: number): SignalInfo {
  return { signo, code: SI.KERNEL, kind: 'kill', pid: 0, uid: 0 };
}

/** A signal from kill(2), or from tgkill(2) with code SI.TKILL. */
export function userSignal(signo: number, pid: number, uid: number, code: number = SI.USER): SignalInfo {
  return { signo, code, kind: 'kill', pid, uid };
}

/** What events say of a signal. */
export function signalFields(info: SignalInfo): {
  signal: string;
  signo: number;
  code: number;
  senderPid: number;
  senderUid: number;
} {
  const { signo, code } = info;
  const sender = info.kind === 'kill' || info.kind === 'child' ? info : { pid: 0, uid: 0 };
  return { signal: signalName(signo), signo, code, senderPid: sender.pid, senderUid: sender.uid };
}

/** siginfo_t, 128 bytes. */
export function encodeSiginfo(info: SignalInfo): Uint8Array {
  const head = { signo: info.signo, errno: 0, code: info.code, pad: 0 };
  switch (info.kind) {
    case 'kill':
      return siginfoKill.encode({
        ...head,
        pid: info.pid,
        uid: info.uid,
        valueLo: info.value?.lo ?? 0,
        valueHi: info.value?.hi ?? 0,
      });
    case 'child':
      return siginfoChild.encode({ ...head, ...info, ...{ errno: 0, pad: 0, pad2: 0 } });
    case 'fault':
      return siginfoFault.encode({ ...head, addr: info.addr });
    case 'poll':
      return siginfoPoll.encode({ ...head, band: info.band, fd: info.fd });
    case 'timer':
      return siginfoTimer.encode({
        ...head,
        timerId: info.timerId,
        overrun: info.overrun,
        valueLo: info.value.lo,
        valueHi: info.value.hi,
      });
    case 'raw': {
      const out = new Uint8Array(SIGINFO_SIZE);
      out.set(info.bytes.subarray(0, SIGINFO_SIZE));
      new DataView(out.buffer).setInt32(0, info.signo, true);
      return out;
    }
  }
}

/** SIGCHLD about a change of a child: `status` is the exit code or the signal. */
export function childSignal(
  signo: number,
  code: (typeof CLD)[keyof typeof CLD],
  child: { pid: number; uid: number; status: number; utime: number; stime: number },
): SignalInfo {
  return { signo, code: signo === SIG.CHLD ? code : SI.USER, kind: 'child', ...child };
}
