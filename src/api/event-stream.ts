/**
 * Streams of events as the embedder sees them: Observables that can also be iterated with `for await`.
 * RxJS is loaded by who asks for the first: a program that only runs guests does not pay for it.
 *
 * Each subscription is an observer of its own: its filter is sent to the shards when it begins and taken
 * back when it ends.
 */
import { createRequire } from 'node:module';
import type { Observable } from 'rxjs';
import type { KernelEvent } from '../messages/events.js';

export type EventStream<E> = Observable<E> & AsyncIterable<E>;

export interface EventListener {
  /** `handled` is to be called when the event has been dealt with. */
  event(event: KernelEvent, handled: () => void): void;
  end(): void;
}

/** Begins to observe; the result ends that. */
export type Observe = (listener: EventListener) => () => void;

const load = createRequire(import.meta.url);

export function eventStream<E extends KernelEvent>(observe: Observe): EventStream<E> {
  const rxjs = load('rxjs') as typeof import('rxjs');
  const stream = new rxjs.Observable<E>((subscriber) =>
    observe({
      event(event, handled) {
        subscriber.next(event as E);
        handled();
      },
      end: () => subscriber.complete(),
    }),
  );
  return Object.assign(stream, { [Symbol.asyncIterator]: () => iterate<E>(observe) });
}

/** Events wait until they are asked for; those that wait count as not dealt with. */
function iterate<E extends KernelEvent>(observe: Observe): AsyncIterableIterator<E> {
  const waiting: { readonly event: E; readonly handled: () => void }[] = [];
  const asking: ((result: IteratorResult<E>) => void)[] = [];
  let over = false;
  const finish = (): void => {
    over = true;
    for (const answer of asking.splice(0)) answer({ done: true, value: undefined });
  };
  const stop = observe({
    event(event, handled) {
      const answer = asking.shift();
      if (!answer) {
        waiting.push({ event: event as E, handled });
        return;
      }
      handled();
      answer({ done: false, value: event as E });
    },
    end: finish,
  });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const first = waiting.shift();
      if (first) {
        first.handled();
        return Promise.resolve({ done: false, value: first.event });
      }
      if (over) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => asking.push(resolve));
    },
    return() {
      stop();
      waiting.length = 0;
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}
