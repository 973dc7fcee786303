/**
 * Connections on their way into a listening socket: those complete and not yet accepted, and those
 * that knock while the queue is full (Linux drops their SYN, and they try again).
 */

/** net.core.somaxconn */
export const SOMAXCONN = 4096;

export interface Client {
  refused(): void;
}

export class TcpBacklog<T extends Client> {
  #ready: T[] = [];
  readonly #knocking = new Set<T>();
  #limit: number;

  constructor(
    backlog: number,
    /** Completes a connection; our end of it. */
    readonly welcome: (client: T) => T,
    /** A connection can be accepted. */
    readonly arrived: () => void,
  ) {
    this.#limit = limitOf(backlog);
  }

  get ready(): boolean {
    return this.#ready.length > 0;
  }
  get count(): number {
    return this.#ready.length;
  }

  resize(backlog: number): void {
    this.#limit = limitOf(backlog);
    this.#admit();
  }

  knock(client: T): void {
    this.#knocking.add(client);
    this.#admit();
  }

  leave(client: T): void {
    this.#knocking.delete(client);
  }

  take(): T | undefined {
    const connection = this.#ready.shift();
    if (connection) this.#admit();
    return connection;
  }

  /** The listener goes: `reset` ends what nobody accepted. */
  close(reset: (connection: T) => void): void {
    for (const connection of this.#ready) reset(connection);
    for (const client of this.#knocking) client.refused();
    this.#ready = [];
    this.#knocking.clear();
  }

  #admit(): void {
    for (const client of this.#knocking) {
      // One more than asked for, as in Linux.
      if (this.#ready.length > this.#limit) return;
      this.#knocking.delete(client);
      this.#ready.push(this.welcome(client));
      this.arrived();
    }
  }
}

function limitOf(backlog: number): number {
  return Math.min(backlog >>> 0, SOMAXCONN);
}
