/** pipe(2): a pipe without a name, and a description of each end. */
import { S_IFIFO } from '../../../abi/mode.js';
import { O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import type { Credentials } from '../../auth/credentials.js';
import type { KernelServices } from '../../services.js';
import { PseudoInode, pseudoFileSystems } from '../anon/pseudo.js';
import { Fifo } from './fifo.js';
import { Pipe } from './pipe.js';
import { PipeFile } from './pipe-file.js';

export interface PipeEnds {
  readonly reader: PipeFile;
  readonly writer: PipeFile;
}

/** `flags`: O_NONBLOCK and O_DIRECT, for both ends. */
export function newPipe(services: KernelServices, creds: Credentials, flags: number): PipeEnds {
  const pipe = new Pipe();
  const owner = { uid: creds.fsuid, gid: creds.fsgid };
  const inode = new PseudoInode(pseudoFileSystems(services).pipefs, S_IFIFO | 0o600, owner);
  // /proc/self/fd/N opened anew (/dev/stdin in a pipeline) is one more end of the same pipe.
  inode.opener = new Fifo(pipe);
  return {
    reader: new PipeFile(pipe, inode, undefined, O_RDONLY | flags),
    writer: new PipeFile(pipe, inode, undefined, O_WRONLY | flags),
  };
}
