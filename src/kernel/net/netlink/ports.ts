/**
 * Port ids of netlink sockets, netlink(7), by protocol. A socket gets the one it asks for (usually its
 * process's number), or, when that is taken, one of the kernel's, from the top down.
 */

/** Ports that the kernel chooses: negative numbers, as unsigned words. */
const FIRST_CHOSEN = 0xffff_f000;
const LAST_CHOSEN = 0x8000_0000;

export class NetlinkPorts {
  private readonly _taken = new Map<number, Set<number>>();

  isTaken(protocol: number, port: number): boolean {
    return this._taken.get(protocol)?.has(port) === true;
  }

  /** The port that was asked for if it is free (0 never is), else another; undefined when none is left. */
  allocate(protocol: number, hint: number): number | undefined {
    if (hint !== 0 && this._take(protocol, hint)) return hint;
    for (let port = FIRST_CHOSEN; port >= LAST_CHOSEN; port--) if (this._take(protocol, port)) return port;
    return undefined;
  }

  release(protocol: number, port: number): void {
    this._taken.get(protocol)?.delete(port);
  }

  private _take(protocol: number, port: number): boolean {
    let taken = this._taken.get(protocol);
    if (!taken) {
      taken = new Set();
      this._taken.set(protocol, taken);
    }
    if (taken.has(port)) return false;
    taken.add(port);
    return true;
  }
}
