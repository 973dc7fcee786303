/**
 * The context in which the kernel acts for itself: root in the root user namespace, with every
 * capability, no resource limits, and the right to trace anything. Compare SupervisorContext of gVisor's
 * kernel.go. For use outside of guests only: no task may ever get at it.
 */
import { type Credentials, credentialsOf } from './auth/credentials.js';
import type { MountNamespace } from './fs/mounts.js';
import type { WalkContext } from './fs/walk.js';
import type { KernelServices } from './services.js';
import type { UtsNamespace } from './uts.js';

const UMASK = 0o022;

export interface SupervisorContext {
  readonly services: KernelServices;
  readonly creds: Credentials;
  readonly uts: UtsNamespace;
  /** Walks paths from the root of a namespace. */
  walkIn(mounts: MountNamespace): WalkContext;
}

export function supervisorContext(services: KernelServices): SupervisorContext {
  const creds = credentialsOf(0, 0);
  return {
    services,
    creds,
    uts: services.uts,
    walkIn: (mounts) => ({ creds, root: mounts.root, cwd: mounts.root, umask: UMASK, mounts }),
  };
}
