/**
 * signalfd(2): signals as something to read; fs/signalfd.c. It shows the signals of whoever reads it,
 * not of whoever made it.
 */
import { E } from '../../../abi/errno.js';
import { O_RDWR } from '../../../abi/open.js';
import { signalfdSiginfo } from '../../../abi/signal.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { SignalMask } from '../../signal/mask.js';
import { takeSignal } from '../../signal/send.js';
import type { SignalInfo } from '../../signal/siginfo.js';
import type { Task } from '../../task/task.js';
import { IN, RDNORM, WOULD_BLOCK } from '../../wait.js';
import type { FdTable } from '../fd-table.js';
import type { Tried } from '../file-description.js';
import type { Sink } from '../io.js';
import { AnonFile } from './anon-file.js';

export class SignalFile extends AnonFile {
  protected readonly kind = 'signalfd';

  constructor(
    services: KernelServices,
    /** SFD_NONBLOCK or 0. */
    flags: number,
    /** What it shows; change it with `setMask`. */
    private mask: SignalMask,
  ) {
    super(services, O_RDWR | flags);
  }

  setMask(mask: SignalMask): void {
    this.mask = mask;
    this.queue.notify(IN | RDNORM);
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const reader = this._reader;
    if (to.remaining < signalfdSiginfo.size || !reader) return fail(E.EINVAL);
    let total = 0;
    while (to.remaining >= signalfdSiginfo.size) {
      const info = this._take(reader);
      if (!info) break;
      const n = to.put(encode(info));
      if (n < signalfdSiginfo.size) return total > 0 ? total : fail(E.EFAULT);
      total += n;
    }
    return total > 0 ? total : WOULD_BLOCK;
  }

  override readiness(): number {
    const reader = this._reader;
    if (!reader) return 0;
    const others = this._others();
    const { home } = this.services;
    if (home && reader.group.awayOn !== undefined) {
      return home.shownSignals.any(reader, others) ? IN | RDNORM : 0;
    }
    const some = reader.pending.anyBeyond(others) || reader.group.pending.anyBeyond(others);
    return some ? IN | RDNORM : 0;
  }

  override listen(mask: number, wake: (events: number) => void): () => void {
    const own = super.listen(mask, wake);
    const reader = this._reader;
    const signals = reader?.group.signalQueue.listen(mask, wake);
    return () => {
      own();
      signals?.();
    };
  }

  override fdinfo(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return `sigmask:\t${hex(this.mask.hi)}${hex(this.mask.lo)}\n`;
  }

  private _take(reader: Task): SignalInfo | undefined {
    const { home } = this.services;
    if (!home || reader.group.awayOn === undefined) return takeSignal(reader, this._others());
    return home.shownSignals.take(reader, this._others());
  }

  private get _reader(): Task | undefined {
    return this.services.tasks.current;
  }

  private _others(): SignalMask {
    return { lo: ~this.mask.lo >>> 0, hi: ~this.mask.hi >>> 0 };
  }
}

/** Whether one of these descriptors shows signals. */
export function holdsSignalFile(files: FdTable): boolean {
  for (const [, file] of files.entries()) if (file instanceof SignalFile) return true;
  return false;
}

/** struct signalfd_siginfo; what the signal has nothing to say about is zero. */
function encode(info: SignalInfo): Uint8Array {
  const out = new Uint8Array(signalfdSiginfo.size);
  const view = new DataView(out.buffer);
  const at = (name: string): number => signalfdSiginfo.offsets[name] ?? 0;
  const u32 = (name: string, value: number): void => view.setUint32(at(name), value >>> 0, true);
  u32('signo', info.signo);
  u32('code', info.code);
  const value = (word: { lo: number; hi: number } | undefined): void => {
    if (!word) return;
    u32('int', word.lo);
    view.setUint32(at('ptr'), word.lo, true);
    view.setUint32(at('ptr') + 4, word.hi, true);
  };
  switch (info.kind) {
    case 'kill':
      u32('pid', info.pid);
      u32('uid', info.uid);
      value(info.value);
      break;
    case 'child':
      u32('pid', info.pid);
      u32('uid', info.uid);
      u32('status', info.status);
      u32('utime', info.utime);
      u32('stime', info.stime);
      break;
    case 'fault':
      view.setBigUint64(at('addr'), BigInt(info.addr), true);
      break;
    case 'poll':
      u32('band', info.band);
      u32('fd', info.fd);
      break;
    case 'timer':
      u32('tid', info.timerId);
      u32('overrun', info.overrun);
      value(info.value);
      break;
    case 'raw': {
      const from = new DataView(info.bytes.buffer, info.bytes.byteOffset, info.bytes.byteLength);
      u32('pid', from.getUint32(16, true));
      u32('uid', from.getUint32(20, true));
      value({ lo: from.getUint32(24, true), hi: from.getUint32(28, true) });
      break;
    }
  }
  return out;
}
