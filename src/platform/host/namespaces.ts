/** Which namespaces of its own the zygote may ask the host for: unshare(2), user_namespaces(7). */
import { readFileSync } from 'node:fs';

const CLONE_NEWUSER = 0x1000_0000;
const CLONE_NEWNET = 0x4000_0000;
const CLONE_NEWIPC = 0x0800_0000;
const CLONE_NEWNS = 0x0002_0000;

/** CLONE_NEW* bits. The host may refuse all the same; 0: it is known to. */
export function namespacesToTry(): number {
  const refused =
    isZero('/proc/sys/user/max_user_namespaces') || isZero('/proc/sys/kernel/unprivileged_userns_clone');
  return refused ? 0 : CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS;
}

function isZero(path: string): boolean {
  try {
    return readFileSync(path, 'latin1').trim() === '0';
  } catch {
    return false;
  }
}
