/** Looking at what waits in a stream takes nothing from it. */
import { afterEach, expect, test } from '@jest/globals';
import { socketpair } from '../../../../src/platform/host/libc.unsafe.js';
import * as libc from '../../../../src/platform/host/libc-files.unsafe.js';
import { check } from '../../../../src/platform/host/memory.unsafe.js';
import { hostPipe } from '../../../../src/platform/host/pipes.unsafe.js';
import { scratch } from '../../../../src/platform/host/scratch.unsafe.js';
import { peekStream } from '../../../../src/platform/host/unread.unsafe.js';

const [AF_UNIX, SOCK_STREAM, F_SETPIPE_SZ] = [1, 1, 1031];
const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) libc.close(fd);
});

function pipe(): [number, number] {
  const ends = hostPipe();
  open.push(...ends);
  return ends;
}

function sockets(): [number, number] {
  const s = scratch();
  check('socketpair', socketpair(AF_UNIX, SOCK_STREAM, 0, s.address));
  const ends: [number, number] = [s.view.getInt32(0, true), s.view.getInt32(4, true)];
  open.push(...ends);
  return ends;
}

const pattern = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 7);

function fill(fd: number, pieces: readonly number[]): Uint8Array {
  const all = pattern(pieces.reduce((sum, n) => sum + n));
  let at = 0;
  for (const n of pieces) {
    expect(libc.write(fd, all.subarray(at, at + n), n)).toBe(n);
    at += n;
  }
  return all;
}

function drained(fd: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) done += libc.read(fd, bytes.subarray(done), length - done);
  return bytes;
}

test.each([['a pipe' as const], ['a socket' as const]])('%s shows all of it, again and again', (name) => {
  const how = name === 'a pipe' ? 'pipe' : 'socket';
  const [ours, theirs] = how === 'pipe' ? pipe() : sockets();
  expect(peekStream(ours, how)).toEqual(new Uint8Array(0));
  const all = fill(theirs, [1, 4096, 5000, 3]);
  expect(peekStream(ours, how)).toEqual(all);
  expect(peekStream(ours, how)).toEqual(all);
  expect(drained(ours, all.length)).toEqual(all);
  expect(peekStream(ours, how)).toEqual(new Uint8Array(0));
});

test('a pipe that is larger than usual, and full', () => {
  const [ours, theirs] = pipe();
  const size = libc.fcntl(theirs, F_SETPIPE_SZ, 256 << 10);
  const all = fill(theirs, [size]);
  expect(peekStream(ours, 'pipe')).toEqual(all);
});

test('the end of a pipe that is written to has nothing to read, and what is no stream says so', () => {
  const [, theirs] = pipe();
  fill(theirs, [10]);
  expect(peekStream(theirs, 'pipe')).toEqual(new Uint8Array(0));
  expect(peekStream(9999, 'pipe')).toBe(-9);
});
