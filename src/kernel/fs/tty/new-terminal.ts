/**
 * A terminal for a process that the embedder starts: what openpty(3) and login_tty(3) would do. The slave
 * is opened by its name, so that ttyname(3) finds it.
 */
import { O_NOCTTY, O_RDWR } from '../../../abi/open.js';
import { credentialsOf } from '../../auth/credentials.js';
import { Failure, must } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { FileDescription } from '../file-description.js';
import type { MountNamespace } from '../mounts.js';
import { openFile } from '../vfs.js';
import { terminalsOf } from './devpts.js';
import type { MasterFile } from './master-file.js';

export interface NewTerminal {
  readonly uid: number;
  readonly gid: number;
  readonly columns: number;
  readonly rows: number;
}

export function newTerminal(
  services: KernelServices,
  mounts: MountNamespace,
  { uid, gid, columns, rows }: NewTerminal,
): { master: MasterFile; slave: FileDescription } | Failure {
  const terminals = terminalsOf(services);
  const ptmx = must(terminals.fs.root.lookup('ptmx'));
  const master = terminals.open(ptmx, O_RDWR, undefined, { uid, gid });
  if (master instanceof Failure) return master;
  const { terminal } = master;
  terminal.locked = false;
  terminal.setSize({ row: rows, col: columns, xpixel: 0, ypixel: 0 });
  const { root } = mounts;
  const ctx = { creds: credentialsOf(0, 0), root, cwd: root, umask: 0, mounts };
  const slave = openFile(ctx, `/dev/pts/${terminal.index}`, O_RDWR | O_NOCTTY, 0);
  if (slave instanceof Failure) {
    master.release();
    return slave;
  }
  return { master, slave };
}
