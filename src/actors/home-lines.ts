/**
 * The rings between the home shard and the others, and who sits at each end: kernel/home speaks over
 * them. Home never stands and waits; another shard may, for an answer of the home (`ask`).
 */
import { assert, present } from '../base/assert.js';
import type { Answer, FromHome, Question, ToHome } from '../kernel/home/conversation.js';
import type { ControlBlock } from './control-block.js';
import { HOST_SHARD } from './host-shard.js';
import { MailboxReceiver, MailboxSender } from './mailbox.js';
import { Ring } from './ring.js';
import type { PoolData } from './shard-task.js';

/** The end of a shard, as its reactor sees it. */
export interface Lines {
  /** Something has come. */
  readonly waiting: boolean;
  /** Something waits for room in a ring: the event loop has to come round. */
  readonly backlog: boolean;
  /** Handles what has come; true when there was something. */
  drain(): boolean;
  close(): void;
}

/** The home's ends. */
export class HomeLines implements Lines {
  readonly #senders: MailboxSender<FromHome>[] = [];
  readonly #receivers: MailboxReceiver<ToHome>[] = [];
  #receive: (shard: number, message: ToHome) => void = () => {};

  constructor(data: PoolData, control: ControlBlock) {
    for (let shard = 1; shard < data.config.shards; shard++) {
      const down = new Ring(present(data.fromHome[shard], 'ring'));
      this.#senders[shard] = new MailboxSender(down, () => control.wake(shard));
      this.#receivers[shard] = new MailboxReceiver(new Ring(present(data.toHome[shard], 'ring')));
    }
  }

  attach(receive: (shard: number, message: ToHome) => void): void {
    this.#receive = receive;
  }

  tell(shard: number, message: FromHome): void {
    present(this.#senders[shard], `line to shard ${shard}`).send(message);
  }

  get waiting(): boolean {
    return this.#receivers.some((r) => r.waiting);
  }
  get backlog(): boolean {
    return this.#senders.some((s) => s.backlog);
  }

  /** Receives what a shard has told so far. */
  hear(shard: number): void {
    const receiver = this.#receivers[shard];
    if (receiver?.waiting) receiver.drain((message) => this.#receive(shard, message));
  }

  drain(): boolean {
    let any = false;
    this.#receivers.forEach((receiver, shard) => {
      if (receiver.drain((message) => this.#receive(shard, message))) any = true;
    });
    return any;
  }

  close(): void {
    for (const sender of this.#senders) sender?.close();
  }
}

const LOOK_AGAIN_MS = 100;
/** The home answers in microseconds; it may be starting a process, or not be scheduled. */
const ANSWER_DEADLINE_MS = 30_000;

/** Another shard's end. */
export class AwayLine implements Lines {
  readonly #up: MailboxSender<ToHome>;
  readonly #down: MailboxReceiver<FromHome>;
  readonly #control: ControlBlock;
  readonly #shard: number;
  /** What came while an answer was waited for. */
  #later: Exclude<FromHome, { type: 'answer' }>[] = [];
  #nextId = 1;
  #receive: (message: Exclude<FromHome, { type: 'answer' }>) => void = () => {};

  constructor(data: PoolData, control: ControlBlock, shard: number) {
    this.#control = control;
    this.#shard = shard;
    const up = new Ring(present(data.toHome[shard], 'ring'));
    this.#up = new MailboxSender(up, () => control.wake(HOST_SHARD));
    this.#down = new MailboxReceiver(new Ring(present(data.fromHome[shard], 'ring')));
  }

  attach(receive: (message: Exclude<FromHome, { type: 'answer' }>) => void): void {
    this.#receive = receive;
  }

  tell(message: ToHome): void {
    this.#up.send(message);
  }

  /** Stands until the home has answered; what else it says meanwhile comes after. */
  ask(question: Question): Answer {
    this.#control.standFor(this.#shard, HOST_SHARD);
    try {
      const id = this.#nextId++;
      this.tell({ type: 'ask', id, question });
      return this.#await(id);
    } finally {
      this.#control.standNoMore(this.#shard);
    }
  }

  #await(id: number): Answer {
    const deadline = performance.now() + ANSWER_DEADLINE_MS;
    for (;;) {
      let answer: Answer | undefined;
      this.#down.drain((message) => {
        if (message.type !== 'answer') this.#later.push(message);
        else if (message.id === id) answer = message.answer;
      });
      if (answer) return answer;
      if (this.#control.isShutDown) throw new Error('the kernel is closed');
      if (performance.now() > deadline) throw new Error('the home shard does not answer');
      this.#up.pump();
      this.#down.ring.waitForBytes(this.#up.backlog ? 1 : LOOK_AGAIN_MS);
    }
  }

  get waiting(): boolean {
    return this.#later.length > 0 || this.#down.waiting;
  }
  get backlog(): boolean {
    return this.#up.backlog;
  }

  drain(): boolean {
    if (!this.waiting) return false;
    // Handled out of the queue, not out of the ring: a handler that asks reads the ring, too.
    this.#down.drain((message) => this.#later.push(notAnAnswer(message)));
    for (let message = this.#later.shift(); message; message = this.#later.shift()) this.#receive(message);
    return true;
  }

  /** Sends what waited for room. */
  pump(): void {
    this.#up.pump();
  }

  close(): void {
    this.#up.close();
  }
}

function notAnAnswer(message: FromHome): Exclude<FromHome, { type: 'answer' }> {
  assert(message.type !== 'answer', 'an answer that nobody waits for');
  return message;
}
