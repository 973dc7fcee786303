/**
 * How actors are addressed. Who tells does not know where the other lives: on the same shard it is a
 * plain call that runs at once; on another shard the message crosses by a ring; to an actor that lives
 * in a Node event loop it goes by a port.
 *
 * Order of calls (the lock order of gVisor's kernel.go, for actors): embedder → KernelActor → shard →
 * thread group → task. Whoever waits for an answer waits downwards only; telling goes anywhere.
 */
import type { MessagePort } from 'node:worker_threads';
import type { MailboxSender } from './mailbox.js';

export interface ActorRef<M> {
  tell(message: M): void;
}

/** An actor of this thread. */
export function localRef<M>(receive: (message: M) => void): ActorRef<M> {
  return { tell: receive };
}

/** An actor on a shard of its own thread, which drains its rings in its reactor. */
export function ringRef<M>(mailbox: MailboxSender<M>): ActorRef<M> {
  return { tell: (message) => mailbox.send(message) };
}

/** An actor in some thread's event loop. */
export function portRef<M>(port: MessagePort): ActorRef<M> {
  return { tell: (message) => port.postMessage(message) };
}

/** An actor in the event loop of a shard, which may sleep outside of it: `ring` wakes it. */
export function ringingRef<M>(port: MessagePort, ring: () => void): ActorRef<M> {
  return {
    tell(message) {
      port.postMessage(message);
      ring();
    },
  };
}
