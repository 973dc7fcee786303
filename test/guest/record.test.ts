/** What `--events` and `--trace` write. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import { troupe } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('record');

/** The Trace Event Format, as far as Perfetto's importer asks for it. */
const place = {
  pid: v.pipe(v.number(), v.integer()),
  tid: v.pipe(v.number(), v.integer()),
  name: v.string(),
};
const time = v.pipe(v.number(), v.finite(), v.minValue(0));
const args = v.optional(v.record(v.string(), v.unknown()));
const record = v.variant('ph', [
  v.strictObject({
    ...place,
    ph: v.literal('M'),
    name: v.picklist(['process_name', 'thread_name', 'process_sort_index']),
    args: v.record(v.string(), v.union([v.string(), v.number()])),
  }),
  v.strictObject({ ...place, ph: v.literal('X'), cat: v.string(), ts: time, dur: time, args }),
  v.strictObject({
    ...place,
    ph: v.literal('i'),
    cat: v.string(),
    ts: time,
    s: v.picklist(['t', 'p', 'g']),
    args,
  }),
]);
const traceFile = v.strictObject({
  displayTimeUnit: v.picklist(['ms', 'ns']),
  traceEvents: v.pipe(v.array(record), v.minLength(1)),
});
type Slice = Extract<v.InferOutput<typeof record>, { ph: 'X' }>;

const SCRIPT = 'sleep 0.1; echo hi | cat >/dev/null; kill -USR1 $$';

test('--trace: a file that Perfetto opens, with a track for each task', async () => {
  const path = join(folder, 'trace.json');
  const { status } = await troupe(['--trace', path], ['/bin/sh', '-c', SCRIPT]);
  expect(status).toBe(128 + 10);
  const { traceEvents } = v.parse(traceFile, JSON.parse(readFileSync(path, 'utf8')));
  const slices = traceEvents.filter((e): e is Slice => e.ph === 'X');
  expect(new Set(slices.map((s) => s.cat))).toEqual(new Set(['running', 'syscall', 'blocked']));
  const names = traceEvents.flatMap((e) =>
    e.ph === 'M' && e.name === 'process_name' ? [e.args['name']] : [],
  );
  expect(names).toEqual(expect.arrayContaining(['sh', 'sleep', 'cat']));
  expect(traceEvents).toContainEqual(expect.objectContaining({ ph: 'i', name: 'SIGUSR1', pid: 2 }));

  const sleep = slices.find((s) => s.name === 'clock_nanosleep');
  expect(sleep?.dur).toBeGreaterThan(100_000);
  const blocked = slices.find((s) => s.cat === 'blocked' && s.tid === sleep?.tid && s.dur > 90_000);
  expect(blocked).toBeDefined();
  for (const tid of new Set(slices.map((s) => s.tid))) expectNested(slices.filter((s) => s.tid === tid));
});

/** Slices of one track lie beside or within each other: otherwise Perfetto drops them. */
function expectNested(slices: readonly Slice[]): void {
  const open: number[] = [];
  const ordered = slices.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur);
  for (const { ts, dur } of ordered) {
    while (open.length > 0 && (open.at(-1) ?? 0) <= ts + 0.0005) open.pop();
    const end = open.at(-1);
    if (end !== undefined) expect(ts + dur).toBeLessThanOrEqual(end + 0.0005);
    open.push(ts + dur);
  }
}

test('--events: lines of JSON, numbered, from the kernel to the totals', async () => {
  const path = join(folder, 'events.jsonl');
  const { status } = await troupe(['--events', path], ['/bin/sh', '-c', SCRIPT]);
  expect(status).toBe(128 + 10);
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i));
  expect(events[0]).toMatchObject({ type: 'kernel', hostname: 'troupe' });
  expect(events.at(-1)).toMatchObject({ type: 'end', events: events.length - 1, dropped: 0 });
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'signalSent', signal: 'SIGUSR1', senderPid: 2 }),
  );
});

test('--events -: on standard output', async () => {
  const { stdout } = await troupe(['--events', '-'], ['/bin/true']);
  const lines = stdout.toString().trimEnd().split('\n');
  expect(JSON.parse(lines[0] ?? '').type).toBe('kernel');
  expect(JSON.parse(lines.at(-1) ?? '').type).toBe('end');
});

test('a file that cannot be opened is said before anything runs', async () => {
  const { status, stdout, stderr } = await troupe(['--events', '/no/such/file'], ['/bin/echo', 'ran']);
  expect({ status, text: stdout.toString() }).toEqual({ status: 125, text: '' });
  expect(stderr).toMatch(/^troupe: --events \/no\/such\/file: [^\n]*ENOENT[^\n]*\n$/);
});

test('a file that is full is said once, and the guest goes on', async () => {
  const { status, stdout, stderr } = await troupe(['--trace', '/dev/full'], ['/bin/echo', 'ran']);
  expect({ status, text: stdout.toString() }).toEqual({ status: 0, text: 'ran\n' });
  expect(stderr).toMatch(/^troupe: --trace \/dev\/full: [^\n]*ENOSPC[^\n]*the rest is not written\n$/);
});
