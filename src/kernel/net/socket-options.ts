/** The options of level SOL_SOCKET that a socket keeps, socket(7), with Linux's defaults and limits. */
import {
  SO_BROADCAST,
  SO_BSDCOMPAT,
  SO_DEBUG,
  SO_DONTROUTE,
  SO_INCOMING_CPU,
  SO_KEEPALIVE,
  SO_MARK,
  SO_NO_CHECK,
  SO_OOBINLINE,
  SO_PASSCRED,
  SO_PASSSEC,
  SO_PRIORITY,
  SO_RCVLOWAT,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_RXQ_OVFL,
  SO_SNDLOWAT,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SO_ZEROCOPY,
} from '../../abi/socket.js';

/** net.core.wmem_default and rmem_default. */
export const DEFAULT_BUFFER = 212_992;
/** net.core.wmem_max and rmem_max: what is asked for is cut to this, then doubled. */
const LARGEST_BUFFER = 212_992;
const SMALLEST_SEND = 4608;
const SMALLEST_RECEIVE = 2304;

/** On or off. */
const FLAGS: readonly number[] = [
  SO_DEBUG,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_DONTROUTE,
  SO_BROADCAST,
  SO_KEEPALIVE,
  SO_OOBINLINE,
  SO_NO_CHECK,
  SO_PASSCRED,
  SO_PASSSEC,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SO_RXQ_OVFL,
  SO_ZEROCOPY,
];
/** Numbers, with their defaults. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  [SO_PRIORITY, 0],
  [SO_MARK, 0],
  [SO_RCVLOWAT, 1],
  [SO_INCOMING_CPU, 0],
]);

export class SocketOptions {
  /** Bytes, as SO_SNDBUF and SO_RCVBUF show them. */
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;
  /** The program chose the size: it is not tuned any more. */
  fixedSendBuffer = false;
  fixedReceiveBuffer = false;
  receiveTimeoutNs = Number.POSITIVE_INFINITY;
  sendTimeoutNs = Number.POSITIVE_INFINITY;
  /** SO_LINGER; the seconds are kept while it is off. */
  linger = { on: false, seconds: 0 };
  private readonly _kept = new Map<number, number>();

  /** A value that is simply kept, by option number; undefined when it is not of that kind. */
  get(name: number): number | undefined {
    if (FLAGS.includes(name)) return this._kept.get(name) ?? 0;
    if (name === SO_BSDCOMPAT) return 0;
    if (name === SO_SNDLOWAT) return 1;
    const initial = NUMBERS.get(name);
    return initial === undefined ? undefined : (this._kept.get(name) ?? initial);
  }

  isOn(name: number): boolean {
    return this._kept.get(name) === 1;
  }

  /** False: not an option of this kind. */
  set(name: number, value: number): boolean {
    if (FLAGS.includes(name)) this._kept.set(name, value === 0 ? 0 : 1);
    else if (name === SO_RCVLOWAT) this._kept.set(name, value < 0 ? 0x7fff_ffff : Math.max(1, value));
    else if (NUMBERS.has(name)) this._kept.set(name, value);
    else return name === SO_BSDCOMPAT;
    return true;
  }

  setSendBuffer(asked: number, limit = LARGEST_BUFFER): void {
    this.sendBuffer = Math.max(SMALLEST_SEND, 2 * Math.min(asked >>> 0, limit));
    this.fixedSendBuffer = true;
  }

  setReceiveBuffer(asked: number, limit = LARGEST_BUFFER): void {
    this.receiveBuffer = Math.max(SMALLEST_RECEIVE, 2 * Math.min(asked >>> 0, limit));
    this.fixedReceiveBuffer = true;
  }

  /** What an accepted connection starts with. */
  copy(): SocketOptions {
    const made = new SocketOptions();
    Object.assign(made, this, { linger: { ...this.linger } });
    for (const [name, value] of this._kept) made._kept.set(name, value);
    return made;
  }
}
