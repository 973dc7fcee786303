/** What this host's CPU is and can do, as guests are told: auxiliary vector, cpuinfo. */
import { readFileSync } from 'node:fs';

const AT_HWCAP = 16;
const AT_HWCAP2 = 26;

export interface HostMachine {
  readonly hwcap: number;
  readonly hwcap2: number;
  /** The text of /proc/cpuinfo for one processor. */
  readonly cpuinfo: string;
}

export function hostMachine(): HostMachine {
  const auxv = new Map<bigint, bigint>();
  const raw = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= raw.length; at += 16)
    auxv.set(raw.readBigUInt64LE(at), raw.readBigUInt64LE(at + 8));
  const cpuinfo = readFileSync('/proc/cpuinfo', 'latin1').split('\n\n')[0] ?? '';
  return {
    hwcap: Number(auxv.get(BigInt(AT_HWCAP)) ?? 0n),
    hwcap2: Number(auxv.get(BigInt(AT_HWCAP2)) ?? 0n),
    cpuinfo: `${cpuinfo}\n`,
  };
}

/** How fast the processor's time stamp counts, as cpuinfo says it; once a nanosecond where it does not. */
export function timestampsPerNs(): number {
  const megahertz = Number(/^cpu MHz\s*:\s*([\d.]+)/m.exec(hostMachine().cpuinfo)?.[1] ?? 1000);
  return megahertz / 1000;
}
