/**
 * The stream of events as the embedder sees it. RxJS is loaded by the first subscriber: a program that
 * only runs guests does not pay for it.
 */
import { createRequire } from 'node:module';
import type { Observable, Subject } from 'rxjs';
import type { KernelEvent } from '../messages/events.js';

const load = createRequire(import.meta.url);

export class EventStream {
  #subject: Subject<KernelEvent> | undefined;
  #completed = false;

  /** Hot: what happened before is gone. Completes when the kernel is closed. */
  get observable(): Observable<KernelEvent> {
    if (!this.#subject) {
      const rxjs = load('rxjs') as typeof import('rxjs');
      this.#subject = new rxjs.Subject<KernelEvent>();
      if (this.#completed) this.#subject.complete();
    }
    return this.#subject.asObservable();
  }

  next(event: KernelEvent): void {
    this.#subject?.next(event);
  }

  complete(): void {
    this.#completed = true;
    this.#subject?.complete();
  }
}
