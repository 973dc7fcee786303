import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SHUT_WR, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../../../../../src/abi/socket.js';
import { credentialsOf } from '../../../../../src/kernel/auth/credentials.js';
import { EventFile } from '../../../../../src/kernel/fs/anon/eventfd.js';
import type { FileDescription } from '../../../../../src/kernel/fs/file-description.js';
import { type Caller, type Outgoing, PLAIN_RECEIVE } from '../../../../../src/kernel/net/socket.js';
import { UnixSocket } from '../../../../../src/kernel/net/unix/unix-socket.js';
import { ERR, HUP, IN, OUT, RDHUP } from '../../../../../src/kernel/wait.js';
import { readText, shown, sinkOf, sourceOf, writeText } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const { services } = new FakeKernel();
const sender = { pid: 1, creds: credentialsOf(1000, 1000) };
const caller: Caller = {
  ...sender,
  places: () => {
    throw new Error('no path is walked');
  },
};
const outgoing = (rights: FileDescription[]): Outgoing => ({
  to: undefined,
  caller,
  sender,
  rights,
  flags: 0,
});
const BITS = IN | OUT | HUP | ERR | RDHUP;

let a: UnixSocket;
let b: UnixSocket;
const pair = (type: number): void => {
  [a, b] = UnixSocket.pair(services, type, sender, 0);
};

describe('stream', () => {
  beforeEach(() => pair(SOCK_STREAM));

  test('bytes arrive in order, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -400, max: 400 }), { maxLength: 40 }), (sizes) => {
        pair(SOCK_STREAM);
        let sent = '';
        let got = '';
        for (const n of sizes) {
          if (n > 0) {
            const text = String.fromCharCode(97 + (sent.length % 26)).repeat(n);
            const w = writeText(a, text);
            if (typeof w === 'number') sent += text.slice(0, w);
          } else if (n < 0) {
            const r = readText(b, -n);
            if (r !== 'blocks') got += r;
          }
        }
        for (let r = readText(b, 1000); r !== 'blocks'; r = readText(b, 1000)) got += r;
        expect(got).toBe(sent);
      }),
    );
  });

  test('a full buffer takes a part, then nothing, until it is read', () => {
    const n = shown(a.tryWrite(sourceOf(new Uint8Array(1 << 20))));
    expect(n).toBeGreaterThan(200_000);
    expect(n).toBeLessThan(1 << 20);
    expect(writeText(a, 'x')).toBe('blocks');
    expect(a.readiness() & OUT).toBe(0);
    b.tryRead(sinkOf(1 << 20));
    expect(a.readiness() & OUT).toBe(OUT);
  });

  test('half-closing: the other side reads to the end, and may still write', () => {
    writeText(a, 'last');
    a.shutdown(SHUT_WR);
    expect(writeText(a, 'x')).toBe('EPIPE');
    expect(b.readiness() & BITS).toBe(IN | OUT | RDHUP);
    expect([readText(b, 10), readText(b, 10)]).toEqual(['last', '']);
    expect(writeText(b, 'answer')).toBe(6);
  });

  test('closing with unread data resets the other side, once', () => {
    writeText(b, 'unread');
    a.release();
    expect(b.readiness() & BITS).toBe(IN | OUT | RDHUP | HUP | ERR);
    expect([readText(b, 1), readText(b, 1), writeText(b, 'x')]).toEqual(['ECONNRESET', '', 'EPIPE']);
  });

  test('descriptors arrive with their bytes, and what is received ends with those', () => {
    const file = new EventFile(services, 0, 0n, 'counter');
    writeText(a, 'one');
    a.trySend(sourceOf(Buffer.from('two')), outgoing([file.retain()]));
    writeText(a, 'three');
    const sink = sinkOf(100);
    const taken = b.tryReceive(sink, PLAIN_RECEIVE);
    expect(Buffer.from(sink.bytes).toString()).toBe('onetwo');
    expect(taken).toMatchObject({ count: 6, rights: [file] });
    expect(readText(b, 100)).toBe('three');
  });

  test('descriptors that nobody receives are closed', () => {
    let closed = 0;
    const file = new EventFile(services, 0, 0n, 'counter');
    file.whenClosed(() => closed++);
    a.trySend(sourceOf(Buffer.from('x')), outgoing([file]));
    b.release();
    expect(closed).toBe(1);
  });
});

describe.each([
  ['datagram', SOCK_DGRAM],
  ['sequenced packets', SOCK_SEQPACKET],
])('%s', (_name, type) => {
  beforeEach(() => pair(type));

  test('messages keep their bounds, and what does not fit is lost', () => {
    writeText(a, 'first');
    writeText(a, 'second');
    expect([readText(b, 2), readText(b, 100), readText(b, 100)]).toEqual(['fi', 'second', 'blocks']);
  });

  test('a message larger than the buffer fails with EMSGSIZE', () => {
    expect(shown(a.tryWrite(sourceOf(new Uint8Array(300_000))))).toBe('EMSGSIZE');
  });
});

test('a datagram socket learns of its lost peer by ECONNREFUSED, then ENOTCONN', () => {
  pair(SOCK_DGRAM);
  a.release();
  expect([writeText(b, 'x'), writeText(b, 'x'), readText(b, 1)]).toEqual([
    'ECONNREFUSED',
    'ENOTCONN',
    'blocks',
  ]);
});
