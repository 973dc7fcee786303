/**
 * What is assembled for the host processes of a kernel: the zygote's program, and the VDSO in it. Any thread can
 * do so, once for all shards: the embedder's does, while node starts theirs (2 ms of each start).
 */
import { namespacesToTry } from '../host/namespaces.js';
import { type VdsoImage, vdsoImage } from './vdso-image.js';
import { type ZygoteTraits, zygoteImage } from './zygote-image.js';

export interface Images {
  readonly traits: ZygoteTraits;
  readonly vdso: VdsoImage;
  readonly zygote: Uint8Array;
}

/**
 * What most hosts have: Syscall User Dispatch; and what the home has: no lane. A shard whose host turns out not to have
 * it, or that is not the home, assembles anew.
 */
export function likelyImages(trapTimestamps: boolean): Images {
  return assemble({ ...traitsOfHost(trapTimestamps), userDispatch: true, lane: false });
}

/** These if they fit, or others. */
export function imagesWith(traits: ZygoteTraits, ready: Images | undefined): Images {
  return ready && isSame(ready.traits, traits) ? ready : assemble(traits);
}

/** As far as any thread can tell. */
export function traitsOfHost(trapTimestamps: boolean): Omit<ZygoteTraits, 'userDispatch' | 'lane'> {
  return { parentPid: process.pid, namespaces: namespacesToTry(), trapTimestamps };
}

function assemble(traits: ZygoteTraits): Images {
  const vdso = vdsoImage();
  return { traits, vdso, zygote: zygoteImage(traits, vdso.bytes) };
}

function isSame(a: ZygoteTraits, b: ZygoteTraits): boolean {
  return (
    a.userDispatch === b.userDispatch &&
    a.parentPid === b.parentPid &&
    a.namespaces === b.namespaces &&
    a.trapTimestamps === b.trapTimestamps &&
    a.lane === b.lane
  );
}
