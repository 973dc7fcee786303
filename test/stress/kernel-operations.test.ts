/**
 * Eight callers at once that pause, unpause, create, signal, save and kill in a seeded order, while 200 guests
 * fork, exit and signal each other: no deadlock, the order in which operations came is kept, nothing is lost,
 * and what was saved in the middle goes on elsewhere. TROUPE_INTERLEAVINGS says how many orders (1,000 is the
 * claim; each names its seed), TROUPE_SEED where to begin.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Kernel, KernelError, type Process, type ProcessExit } from 'troupe';
import { gcc, sayAbsent } from '../guest/support/compiler.js';
import { SeededRandom } from './support/random.js';
import { Saves } from './support/saves.js';

const INTERLEAVINGS = Number(process.env['TROUPE_INTERLEAVINGS'] ?? 25);
const FIRST_SEED = Number(process.env['TROUPE_SEED'] ?? 1);
const CALLERS = 8;
const OPERATIONS = 4;
const GUESTS = 200;
/** One interleaving in so many has a kill in it, after which everything is started anew. */
const KILL_EVERY = 20;
/** Of so many operations one is a save, which takes as long as a hundred others. */
const SAVE_ONE_IN = 12;
/** One interleaving in so many keeps its saves, to be loaded elsewhere. */
const KEEP_EVERY = 5;
const KEPT = Math.min(20, 3 + Math.floor(INTERLEAVINGS / 50));
const DEADLINE_MS = 60_000;
const KILL_STATUS = 42;

let folder = '';
let kernel: Kernel | undefined;

beforeAll(() => {
  // Within the package: /tmp is another one in the sandbox.
  folder = mkdtempSync(join(process.cwd(), 'dist', 'stress-'));
  for (const name of gcc ? ['storm', 'tally'] : []) {
    execFileSync(gcc ?? '', ['-O1', '-w', '-o', join(folder, name), join('test/stress/c', `${name}.c`)]);
  }
});
afterEach(async () => {
  await kernel?.close();
  kernel = undefined;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the guests are, until a kill. */
interface Scene {
  readonly storm: Process;
  readonly tally: Process;
  readonly values: string[];
  sent: number;
}

async function raise(on: Kernel): Promise<Scene> {
  const storm = on.spawn(join(folder, 'storm'), [String(GUESTS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const tally = on.spawn(join(folder, 'tally'), [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const values: string[] = [];
  tally.stdout?.on('data', (chunk: Buffer) => values.push(chunk.toString()));
  await Promise.all([progress(storm), progress(tally)]);
  return { storm, tally, values, sent: 0 };
}

/** It does something. */
function progress(of: Process): Promise<void> {
  return soon(new Promise((resolve) => of.stdout?.once('data', () => resolve())), 'progress');
}

async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes longer than ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What must come of operations that take turns: everybody calls from this thread, so the order of the
 * calls is the order of the turns, and what each comes to can be said when it is called.
 */
class Model {
  depth = 0;
  killed = false;
  /** Somebody was told that all stands still, and nobody has ended the last pause since. */
  still = false;
  readonly pauses: { doomed: boolean }[] = [];

  paused(): { doomed: boolean } {
    this.depth++;
    const pause = { doomed: false };
    this.pauses.push(pause);
    return pause;
  }

  /** What may come of a save that is called now. */
  saves(): readonly (string | undefined)[] {
    if (this.depth === 0) return ['NotPaused'];
    // The tasks of a kernel that was killed run, paused or not, to their end.
    if (this.killed) return [undefined, 'NotPaused', 'CannotSave'];
    return this.still ? [undefined] : [undefined, 'NotPaused'];
  }

  /** Whether it ends a pause. */
  unpaused(): boolean {
    if (this.depth === 0) return false;
    this.depth--;
    if (this.depth > 0) return true;
    this.still = false;
    for (const pause of this.pauses.splice(0)) pause.doomed = true;
    return true;
  }
}

/** The code of its failure, or undefined. */
async function codeOf(operation: Promise<unknown>): Promise<string | undefined> {
  try {
    await operation;
    return undefined;
  } catch (e) {
    if (e instanceof KernelError) return e.code;
    throw e;
  }
}

interface Made {
  readonly process: Promise<Process>;
  /** A kill came after it. */
  readonly mayBeKilled: () => boolean;
}

class Interleaving {
  readonly #random: SeededRandom;
  readonly #model = new Model();
  readonly #made: Made[] = [];

  constructor(
    readonly on: Kernel,
    readonly scene: Scene,
    readonly saves: Saves,
    readonly seed: number,
  ) {
    this.#random = new SeededRandom(seed);
  }

  get killed(): boolean {
    return this.#model.killed;
  }

  async run(): Promise<void> {
    const kills = this.seed % KILL_EVERY === 0 ? this.#random.below(CALLERS) : -1;
    await soon(
      Promise.all(Array.from({ length: CALLERS }, (_, caller) => this.#caller(caller === kills))),
      `seed ${this.seed}`,
    );
    while (this.#model.unpaused()) await this.on.unpause();
    await soon(Promise.all(this.#made.map((m) => this.#ended(m))), `processes of seed ${this.seed}`);
  }

  async #caller(kills: boolean): Promise<void> {
    const random = this.#random;
    const killAt = kills ? random.below(OPERATIONS) : -1;
    for (let n = 0; n < OPERATIONS; n++) {
      if (random.below(2)) await new Promise((resolve) => setTimeout(resolve, random.below(4)));
      if (n === killAt) await this.#kill();
      else if (random.below(SAVE_ONE_IN) === 0) await this.#save();
      else await this.#operation(random.below(5));
    }
  }

  async #save(): Promise<void> {
    const { on, saves, scene, seed } = this;
    const expected = this.#model.saves();
    const { storm, tally, sent } = scene;
    const keeps = seed % KEEP_EVERY === 0 && !this.#model.killed;
    const saving = keeps
      ? saves.keep(on, { storm: storm.pid, tally: tally.pid, sent }, seed)
      : saves.discard(on, this.#random.below(2) ? 'file' : 'stream');
    const code = await codeOf(saving);
    expect(expected).toContain(code);
  }

  async #operation(which: number): Promise<void> {
    const { on, scene } = this;
    switch (which) {
      case 0: {
        const pausing = codeOf(on.pause());
        const pause = this.#model.paused();
        const code = await pausing;
        if (code === undefined && !pause.doomed) this.#model.still = true;
        // One that a later unpause ended may have been complete before.
        if (code !== undefined)
          expect({ code, doomed: pause.doomed }).toEqual({ code: 'PauseEnded', doomed: true });
        break;
      }
      case 1: {
        const unpausing = codeOf(on.unpause());
        const expected = this.#model.unpaused() ? undefined : 'NotPaused';
        expect(await unpausing).toBe(expected);
        break;
      }
      case 2: {
        const process = on.createProcess({ argv: ['/bin/true'], stdio: 'ignore' });
        const alreadyKilled = this.#model.killed;
        this.#made.push({ process, mayBeKilled: () => this.#model.killed && !alreadyKilled });
        await process;
        break;
      }
      case 3: {
        const value = BigInt(++scene.sent);
        const sending = on.sendExternalSignalThreadGroup(
          scene.tally.pid ?? 0,
          { signo: 34, value },
          'stress',
        );
        const alreadyKilled = this.#model.killed;
        const code = await codeOf(sending);
        expect(alreadyKilled ? [undefined, 'ESRCH'] : [undefined]).toContain(code);
        break;
      }
      default:
        expect((await on.taskSet()).length).toBeGreaterThanOrEqual(0);
    }
  }

  async #kill(): Promise<void> {
    const killing = this.on.kill(KILL_STATUS);
    this.#model.killed = true;
    await killing;
  }

  async #ended(made: Made): Promise<void> {
    const exit: ProcessExit = await (await made.process).completed;
    const statuses = made.mayBeKilled() ? [0, KILL_STATUS] : [0];
    expect(statuses).toContain(exit.exitCode);
  }
}

/** Everything stands still, and then goes on. */
async function check(on: Kernel, scene: Scene): Promise<void> {
  await soon(on.pause(), 'the pause that checks');
  const running = (await on.taskSet()).filter((t) => t.state === 'running');
  expect(running).toEqual([]);
  await on.unpause();
  await progress(scene.storm);
}

async function endOfTally(on: Kernel, { tally, values, sent }: Scene): Promise<void> {
  const closed = new Promise((resolve) => tally.once('close', resolve));
  await on.sendExternalSignalThreadGroup(tally.pid ?? 0, { signo: 34, value: -1n }, 'stress');
  await soon(closed, 'the tally');
  const expected = Array.from({ length: sent }, (_, i) => String(i + 1));
  expect(values.join('').split('\n').slice(1, -1)).toEqual(expected);
}

test(
  `${INTERLEAVINGS} orders of ${CALLERS} callers: no deadlock, order kept, nothing lost`,
  async () => {
    if (!gcc) {
      sayAbsent('gcc');
      return;
    }
    kernel = await Kernel.boot({ shards: 1 });
    const saves = new Saves(folder, KEPT);
    let scene = await raise(kernel);
    for (let seed = FIRST_SEED; seed < FIRST_SEED + INTERLEAVINGS; seed++) {
      const interleaving = new Interleaving(kernel, scene, saves, seed);
      try {
        await interleaving.run();
        if (!interleaving.killed) {
          await check(kernel, scene);
          continue;
        }
        await soon(kernel.waitExited(), 'the end of all after a kill');
        for (const p of [scene.storm, scene.tally])
          expect(await p.completed).toMatchObject({ exitCode: KILL_STATUS });
        scene = await raise(kernel);
      } catch (e) {
        throw new Error(`TROUPE_SEED=${seed}`, { cause: e });
      }
    }
    // One that comes while all stand still, whatever the orders came to: on a busy machine few do.
    await soon(kernel.pause(), 'the pause before the last save');
    await saves.keep(kernel, { storm: scene.storm.pid, tally: scene.tally.pid, sent: scene.sent }, 0);
    await kernel.unpause();
    await endOfTally(kernel, scene);
    await kernel.close();
    const loaded = await saves.goOn();
    process.stderr.write(`${saves.done} saves, ${loaded} of them loaded elsewhere\n`);
    expect(loaded).toBeGreaterThan(0);
  },
  60_000 + INTERLEAVINGS * 5_000,
);
