/** siginfo_t as strace(1) shows it. */
import { BUS, CLD, FPE, ILL, POLL, SEGV, SI, SIG, signalName, TRAP } from '../../abi/signal.js';
import { hex, type NameTable, valueName } from '../syscalls/show.js';
import type { SignalInfo } from './siginfo.js';

const BY_SIGNAL = new Map<number, { readonly prefix: string; readonly codes: NameTable }>([
  [SIG.ILL, { prefix: 'ILL_', codes: ILL }],
  [SIG.FPE, { prefix: 'FPE_', codes: FPE }],
  [SIG.SEGV, { prefix: 'SEGV_', codes: SEGV }],
  [SIG.BUS, { prefix: 'BUS_', codes: BUS }],
  [SIG.TRAP, { prefix: 'TRAP_', codes: TRAP }],
  [SIG.CHLD, { prefix: 'CLD_', codes: CLD }],
  [SIG.IO, { prefix: 'POLL_', codes: POLL }],
]);
const GENERAL: readonly number[] = Object.values(SI);

export function infoText(info: SignalInfo): string {
  const shown = [`si_signo=${signalName(info.signo)}`, `si_code=${codeName(info)}`, ...details(info)];
  return `{${shown.join(', ')}}`;
}

function codeName({ signo, code }: SignalInfo): string {
  const own = GENERAL.includes(code) ? undefined : BY_SIGNAL.get(signo);
  return own ? valueName(own.codes, code, own.prefix) : valueName(SI, code, 'SI_');
}

function details(info: SignalInfo): string[] {
  switch (info.kind) {
    case 'kill':
      // As the kernel itself sends it there is nobody to name.
      return info.code === SI.KERNEL ? [] : [`si_pid=${info.pid}`, `si_uid=${info.uid}`];
    case 'child': {
      const { pid, uid, status, utime, stime, code } = info;
      const shown = code === CLD.EXITED ? String(status) : signalName(status);
      return [
        `si_pid=${pid}`,
        `si_uid=${uid}`,
        `si_status=${shown}`,
        `si_utime=${utime}`,
        `si_stime=${stime}`,
      ];
    }
    case 'fault':
      return [`si_addr=${info.addr === 0 ? 'NULL' : hex(info.addr)}`];
    case 'poll':
      return [`si_fd=${info.fd}`, `si_band=${info.band}`];
    case 'timer':
      return [`si_timerid=${hex(info.timerId)}`, `si_overrun=${info.overrun}`];
    case 'raw':
      return [];
  }
}
