// What shards can carry on machines larger than this one: a simulation of cores × shards × guests ×
// costs of messages. `node bench/scale-model.mjs [COSTS.json]` prints a table and writes docs/scale-model.svg.
//
// The model: each guest computes, then makes a system call, again and again. Computing, a shard's work and
// the home's work each need a core, first come first served. A call is served by the guest's shard, or, for
// the part `home` of them, by the home, where it comes by the lane (docs/decisions/0034). What a shard asks
// the home on the way costs both. Nobody spins, so a core is lost to nothing; what wake-ups cost is in the costs
// of calls. Points that were measured (bench/scale-points.mjs) are drawn as circles.
import { readFileSync, writeFileSync } from 'node:fs';

/** Microseconds, measured on the 2-core test machine by bench/crossing.mjs. */
const measured = {
  /** A guest's trap and return: SIGSYS in the guest's process, one guest (getpid). */
  trap: 3,
  /** The work of a shard for a call, or of the home for one by the lane: parking and waking included, two guests. */
  here: 8.5,
  ...(process.argv[2] ? JSON.parse(readFileSync(process.argv[2], 'utf8')) : {}),
};

/**
 * Guests by what they do between calls (µs), how much a call costs, and which part of them goes home; `asks`: what
 * a call away from home costs its shard and the home more, for what its shard asks (rows fork and exec; how that is
 * divided is a guess).
 */
const profiles = [
  { name: 'memory and signals', compute: 5, weight: 1, home: 0.02 },
  {
    name: 'processes (fork, exec, exit)',
    compute: 200,
    weight: 230,
    home: 0.02,
    asks: { shard: 500, home: 460 },
  },
  { name: 'a build', compute: 60, weight: 3, home: 0.6, asks: { shard: 3, home: 3 } },
  { name: 'small files', compute: 5, weight: 2, home: 1 },
  { name: 'computing', compute: 2_000, weight: 1, home: 0.3 },
];

const CORES = [1, 2, 4, 8, 16, 32, 64];
const OUTPUT = new URL('../docs/scale-model.svg', import.meta.url);
const POINTS = new URL('scale-points.json', import.meta.url);
const SIMULATED_US = 200_000;

/** A queue in front of `servers` equal servers; each job holds one for its time. */
class Station {
  #waiting = [];
  busy = 0;
  constructor(sim, servers) {
    this.sim = sim;
    this.free = servers;
  }
  enter(start) {
    if (this.free > 0) {
      this.free--;
      start();
    } else this.#waiting.push(start);
  }
  leave() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.free++;
  }
}

/** Events by time: a binary heap. */
class Simulation {
  now = 0;
  #heap = [];
  after(us, run) {
    const heap = this.#heap;
    let i = heap.push({ at: this.now + us, run }) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (heap[up].at <= heap[i].at) break;
      [heap[up], heap[i]] = [heap[i], heap[up]];
      i = up;
    }
  }
  #take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (heap[child]?.at < heap[least].at) least = child;
      if (least === i) return first;
      [heap[i], heap[least]] = [heap[least], heap[i]];
      i = least;
    }
  }
  run(until) {
    while (this.#heap.length > 0 && this.#heap[0].at <= until) {
      const { at, run } = this.#take();
      this.now = at;
      run();
    }
  }
}

/** Calls a second with so many cores and shards, and how busy what is. Shard 0 is the home. */
export function simulate({ cores, shards, profile, costs = measured, seed = 1 }) {
  const sim = new Simulation();
  const cpu = new Station(sim, cores);
  const threads = Array.from({ length: shards }, () => new Station(sim, 1));
  let random = seed;
  const chance = () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return random / 2 ** 32;
  };
  let calls = 0;
  /** On a core; `thread`: as work of that shard. */
  const work = (us, thread, then) => {
    const onCore = () =>
      cpu.enter(() =>
        sim.after(us, () => {
          cpu.busy += us;
          cpu.leave();
          if (thread) {
            thread.busy += us;
            thread.leave();
          }
          then();
        }),
      );
    if (thread) thread.enter(onCore);
    else onCore();
  };
  const guest = (shard) => {
    const own = threads[shard];
    const again = () => {
      calls++;
      guest(shard);
    };
    // Computing varies, so that guests do not march in step.
    const us = profile.compute * (0.5 + chance()) + costs.trap;
    work(us, undefined, () => {
      const all = costs.here * profile.weight;
      if (shard === 0) work(all, own, again);
      else if (chance() < profile.home) work(all, threads[0], again);
      else if (!profile.asks) work(all, own, again);
      else work(profile.asks.home, threads[0], () => work(all + profile.asks.shard, own, again));
    });
  };
  for (let i = 0; i < 2 * cores; i++) guest(i % shards);
  sim.run(SIMULATED_US);
  const share = (station, servers) => Math.min(1, station.busy / SIMULATED_US / servers);
  const others = threads.slice(1).map((t) => share(t, 1));
  const use = {
    cores: share(cpu, cores),
    home: share(threads[0], 1),
    shards: others.length ? others.reduce((a, b) => a + b) / others.length : 0,
  };
  return { perSecond: (calls / SIMULATED_US) * 1e6, use };
}

function saturated({ home, shards, cores }) {
  if (home > 0.9 && home >= shards) return 'home';
  if (shards > 0.9) return 'shards';
  return cores > 0.9 ? 'cores' : '-';
}

const SIZE = { width: 900, height: 520, left: 60, bottom: 40, top: 30, right: 240 };
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#8c564b'];

/** Throughput against one core, on logarithmic axes: packed dashed, one shard a core in full. */
function plot(rows, points) {
  const { width, height, left, bottom, top, right } = SIZE;
  const x = (cores) => left + (Math.log2(cores) / 6) * (width - left - right);
  const y = (times) => height - bottom - (Math.log2(Math.max(times, 1)) / 6) * (height - bottom - top);
  const line = (points, colour, dash) =>
    `<polyline fill="none" stroke="${colour}" stroke-width="2"${dash ? ' stroke-dasharray="5 4"' : ''} points="${points.map(([c, t]) => `${x(c).toFixed(1)},${y(t).toFixed(1)}`).join(' ')}"/>`;
  const text = (at, up, words, extra = '') =>
    `<text x="${at}" y="${up}" font-family="sans-serif" font-size="12"${extra}>${words}</text>`;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" style="background:white">`,
    text(
      left,
      18,
      'Throughput against one core: one shard a core (full), one shard (dashed), ideal (grey); measured: circles',
    ),
    line(
      CORES.map((c) => [c, c]),
      '#bbb',
      false,
    ),
  ];
  for (const c of CORES) {
    out.push(text(x(c) - 6, height - bottom + 18, c), text(left - 32, y(c) + 4, `×${c}`));
  }
  profiles.forEach(({ name }, i) => {
    const colour = COLOURS[i];
    const of = (policy) =>
      rows.filter((r) => r.name === name && r.policy === policy).map((r) => [r.cores, r.times]);
    out.push(line(of('pack'), colour, true), line(of('spread'), colour, false));
    for (const point of points.filter((p) => p.name === name && p.cores > 1)) {
      const filled = point.policy === 'spread' ? colour : 'white';
      out.push(
        `<circle cx="${x(point.cores).toFixed(1)}" cy="${y(point.times).toFixed(1)}" r="5" stroke="${colour}" fill="${filled}"/>`,
      );
    }
    const end = of('spread').at(-1);
    out.push(text(x(64) + 8, y(end[1]) + 4, `${name} ×${end[1].toFixed(1)}`, ` fill="${colour}"`));
  });
  return `${out.join('\n')}\n</svg>\n`;
}

function main() {
  const rows = [];
  for (const profile of profiles) {
    const base = simulate({ cores: 1, shards: 1, profile }).perSecond;
    for (const policy of ['pack', 'spread']) {
      for (const cores of CORES) {
        const { perSecond, use } = simulate({ cores, shards: policy === 'pack' ? 1 : cores, profile });
        rows.push({
          name: profile.name,
          policy,
          cores,
          times: perSecond / base,
          perSecond,
          limit: saturated(use),
        });
      }
    }
  }
  console.log('profile                        policy  cores   calls/s     ×one  limited by');
  for (const r of rows) {
    console.log(
      `${r.name.padEnd(30)} ${r.policy.padEnd(7)} ${String(r.cores).padStart(4)} ${String(Math.round(r.perSecond)).padStart(10)} ${r.times.toFixed(1).padStart(8)}  ${r.limit}`,
    );
  }
  const points = JSON.parse(readFileSync(POINTS, 'utf8'));
  for (const { name, policy, cores, times, perSecond } of points) {
    console.log(`measured: ${name}, ${policy} on ${cores}: ${perSecond} calls/s, × ${times}`);
  }
  writeFileSync(OUTPUT, plot(rows, points));
}

if (process.argv[1]?.endsWith('scale-model.mjs')) main();
