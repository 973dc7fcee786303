import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { O_RDWR } from '../../../../../src/abi/open.js';
import { AF_INET, SHUT_WR } from '../../../../../src/abi/socket.js';
import { credentialsOf } from '../../../../../src/kernel/auth/credentials.js';
import { TcpSocket } from '../../../../../src/kernel/net/inet/tcp-socket.js';
import type { Caller } from '../../../../../src/kernel/net/socket.js';
import type { Failure } from '../../../../../src/kernel/outcome.js';
import { ERR, HUP, IN, OUT, RDHUP, WOULD_BLOCK } from '../../../../../src/kernel/wait.js';
import { readText, shown, sinkOf, sourceOf, writeText } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const { services } = new FakeKernel();
const caller: Caller = {
  pid: 1,
  creds: credentialsOf(1000, 1000),
  places: () => {
    throw new Error('no path is walked');
  },
};
const BITS = IN | OUT | HUP | ERR | RDHUP;
const ANYWHERE = Uint8Array.of(AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);

const newTcp = (): TcpSocket => new TcpSocket(services, AF_INET, caller, O_RDWR);

function listening(backlog = 8): TcpSocket {
  const socket = newTcp();
  expect(socket.bind(caller, ANYWHERE)).toBeUndefined();
  expect(socket.listenFor(caller, backlog)).toBeUndefined();
  return socket;
}

function accept(listener: TcpSocket): TcpSocket {
  const made = listener.tryAccept(0);
  if (!(made instanceof TcpSocket)) throw new Error('nothing to accept');
  return made;
}

function pair(): [TcpSocket, TcpSocket] {
  const listener = listening();
  const client = newTcp();
  expect(client.tryConnect(caller, listener.localName())).toBe(WOULD_BLOCK);
  expect(client.tryConnect(caller, listener.localName())).toBe(0);
  const server = accept(listener);
  listener.release();
  return [client, server];
}

describe('TCP', () => {
  test('bytes arrive in order both ways, whatever the sizes, and no room means no loss', () => {
    const sizes = fc.array(fc.integer({ min: -300_000, max: 300_000 }), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, (steps) => {
        const [client, server] = pair();
        let sent = 0;
        let got = 0;
        const read = (n: number): void => {
          const sink = sinkOf(n);
          const r = server.tryRead(sink);
          if (typeof r !== 'number') return;
          for (let i = 0; i < r; i += 997) expect(sink.bytes[i]).toBe((got + i) % 251);
          got += r;
        };
        for (const n of steps) {
          if (n < 0) read(-n);
          else {
            const w = client.tryWrite(sourceOf(Uint8Array.from({ length: n }, (_, i) => (sent + i) % 251)));
            if (typeof w === 'number') sent += w;
          }
        }
        while (got < sent) read(1 << 20);
        expect(server.tryRead(sinkOf(1))).toBe(WOULD_BLOCK);
        client.release();
        server.release();
      }),
      { numRuns: 30 },
    );
  });

  test('a full connection is writable again once a third is free, and says so once', () => {
    const [client, server] = pair();
    while (client.tryWrite(sourceOf(new Uint8Array(1 << 20))) !== WOULD_BLOCK);
    expect(client.readiness() & OUT).toBe(0);
    let told = 0;
    client.listen(OUT, () => told++);
    server.tryRead(sinkOf(100_000));
    expect([told, client.readiness() & OUT]).toEqual([0, 0]);
    while (server.tryRead(sinkOf(1 << 18)) !== WOULD_BLOCK);
    expect([told, client.readiness() & OUT]).toEqual([1, OUT]);
  });

  test('nobody listens: the connection is refused, and the socket may try again', () => {
    const listener = listening();
    const name = listener.localName();
    listener.release();
    const client = newTcp();
    expect(client.tryConnect(caller, name)).toBe(WOULD_BLOCK);
    expect(client.readiness() & BITS).toBe(BITS);
    expect(shown(client.tryConnect(caller, name) as Failure)).toBe('ECONNREFUSED');
    const again = listening();
    expect(client.tryConnect(caller, again.localName())).toBe(WOULD_BLOCK);
    expect(client.tryConnect(caller, again.localName())).toBe(0);
  });

  test('who knocks while the queue is full gets in when somebody is accepted', () => {
    const listener = listening(0);
    const clients = [newTcp(), newTcp()];
    for (const c of clients) c.tryConnect(caller, listener.localName());
    expect(clients.map((c) => c.tryConnect(caller, listener.localName()))).toEqual([0, WOULD_BLOCK]);
    accept(listener);
    expect(clients[1]?.tryConnect(caller, listener.localName())).toBe(0);
    accept(listener);
    expect(listener.tryAccept(0)).toBe(WOULD_BLOCK);
  });

  test('half-closing, and closing what is half closed, ends both sides without an error', () => {
    const [client, server] = pair();
    writeText(client, 'last');
    client.shutdown(SHUT_WR);
    expect([readText(server, 9), readText(server, 9)]).toEqual(['last', '']);
    writeText(server, 'answer');
    server.release();
    expect([readText(client, 9), readText(client, 9)]).toEqual(['answer', '']);
    expect(client.readiness() & ERR).toBe(0);
  });

  test('ports are given back: nothing is left in the table', () => {
    const [client, server] = pair();
    const { network } = client;
    client.release();
    server.release();
    const held = [...network.tcp.all()].filter((s) => s === client || s === server);
    expect(held).toEqual([]);
  });
});
