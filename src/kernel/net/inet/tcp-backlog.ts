/**
 * Connections on their way into a listening socket: those complete and not yet accepted, and those
 * that knock while the queue is full (Linux drops their SYN, and they try again).
 */

/** net.core.somaxconn */
export const SOMAXCONN = 4096;

export interface Client {
  refused(): void;
}

/** Whose backlog it is. */
export interface Listener<T> {
  /** Completes a connection; our end of it. */
  welcome(client: T): T;
  /** A connection can be accepted. */
  arrived(): void;
}

export class TcpBacklog<T extends Client> {
  private _ready: T[] = [];
  private readonly _knocking = new Set<T>();
  private _limit: number;

  constructor(
    backlog: number,
    readonly listener: Listener<T>,
  ) {
    this._limit = limitOf(backlog);
  }

  get ready(): boolean {
    return this._ready.length > 0;
  }
  get count(): number {
    return this._ready.length;
  }

  resize(backlog: number): void {
    this._limit = limitOf(backlog);
    this._admit();
  }

  knock(client: T): void {
    this._knocking.add(client);
    this._admit();
  }

  leave(client: T): void {
    this._knocking.delete(client);
  }

  take(): T | undefined {
    const connection = this._ready.shift();
    if (connection) this._admit();
    return connection;
  }

  /** The listener goes: `reset` ends what nobody accepted. */
  close(reset: (connection: T) => void): void {
    for (const connection of this._ready) reset(connection);
    for (const client of this._knocking) client.refused();
    this._ready = [];
    this._knocking.clear();
  }

  private _admit(): void {
    for (const client of this._knocking) {
      // One more than asked for, as in Linux.
      if (this._ready.length > this._limit) return;
      this._knocking.delete(client);
      this._ready.push(this.listener.welcome(client));
      this.listener.arrived();
    }
  }
}

function limitOf(backlog: number): number {
  return Math.min(backlog >>> 0, SOMAXCONN);
}
