import { beforeEach, describe, expect, test } from '@jest/globals';
import { E } from '../../../../../src/abi/errno.js';
import { O_NONBLOCK, O_RDWR } from '../../../../../src/abi/open.js';
import { credentialsOf } from '../../../../../src/kernel/auth/credentials.js';
import type { FileDescription } from '../../../../../src/kernel/fs/file-description.js';
import { newPipe } from '../../../../../src/kernel/fs/pipe/new-pipe.js';
import { TerminalBridge } from '../../../../../src/kernel/fs/tty/bridge.js';
import { terminalsOf } from '../../../../../src/kernel/fs/tty/devpts.js';
import type { MasterFile } from '../../../../../src/kernel/fs/tty/master-file.js';
import { BufferSink } from '../../../../../src/kernel/fs/user-io.js';
import { Failure } from '../../../../../src/kernel/outcome.js';
import type { KernelServices } from '../../../../../src/kernel/services.js';
import { TaskSet } from '../../../../../src/kernel/task/task-set.js';
import { ERR, HUP, IN, OUT, WOULD_BLOCK } from '../../../../../src/kernel/wait.js';
import {
  at,
  errnoOf,
  fsServices,
  hostFiles,
  namesOf,
  ok,
  read,
  write,
} from '../../../support/file-system.js';

let services: KernelServices;
let nowNs: number;
let timer: { at: number; fire: () => void } | undefined;

/** Lets time pass until the timer is due. */
function pass(): void {
  if (!timer) throw new Error('no timer');
  nowNs = timer.at;
  const { fire } = timer;
  timer = undefined;
  fire();
}

beforeEach(() => {
  const delays = {
    hostNs: () => nowNs,
    after: (ns: number, fire: () => void) => {
      timer = { at: nowNs + ns, fire };
      return () => {
        timer = undefined;
      };
    },
  };
  nowNs = 1e9;
  timer = undefined;
  const clock = { monotonic: () => nowNs, realtime: () => ({ sec: 1, nsec: 0 }) };
  services = fsServices({ clock, delays, tasks: new TaskSet({ maxTasks: 10, dispatch: () => 0 }) });
});

function openMaster(): MasterFile {
  const terminals = terminalsOf(services);
  return ok(terminals.open(ok(at(terminals.fs, 'ptmx')), O_RDWR, undefined, { uid: 5, gid: 6 }));
}

function openSlave(index: number): FileDescription | Failure {
  const inode = at(terminalsOf(services).fs, String(index));
  return inode instanceof Failure ? inode : inode.open(O_RDWR, undefined);
}

function pair(): { master: MasterFile; slave: FileDescription } {
  const master = openMaster();
  master.terminal.locked = false;
  return { master, slave: ok(openSlave(master.terminal.index)) };
}

function tryRead(file: FileDescription): string {
  const sink = new BufferSink(new Uint8Array(20_000), hostFiles);
  const got = file.tryRead(sink);
  if (got === WOULD_BLOCK) return 'would block';
  return got instanceof Failure ? `errno ${got.errno}` : Buffer.from(sink.bytes).toString('latin1');
}

describe('/dev/pts', () => {
  test('each open of ptmx makes the lowest free name, which goes with its master', () => {
    const [first, second] = [openMaster(), openMaster()];
    expect(namesOf(terminalsOf(services).fs.root)).toEqual(['0', '1', 'ptmx']);
    first.release();
    expect(namesOf(terminalsOf(services).fs.root)).toEqual(['1', 'ptmx']);
    expect([openMaster().terminal.index, second.terminal.index]).toEqual([0, 1]);
  });

  test('a node belongs to whoever opened the master, and can be given away', () => {
    openMaster();
    const inode = ok(at(terminalsOf(services).fs, '0'));
    expect(inode.attributes()).toMatchObject({ uid: 5, gid: 6, mode: 0o020600, rdev: 0x8800 });
    inode.setAttributes({ uid: 7, mode: 0o620 });
    expect(inode.attributes()).toMatchObject({ uid: 7, mode: 0o020620 });
  });

  test('a slave cannot be opened while it is locked: EIO', () => {
    openMaster();
    expect(errnoOf(openSlave(0))).toBe(E.EIO);
  });

  test.each(['00', '01', '-1', '1', 'x'])('%s is no name: ENOENT', (name) => {
    openMaster();
    expect(errnoOf(at(terminalsOf(services).fs, name))).toBe(E.ENOENT);
  });
});

describe('both ends', () => {
  test('what is written on one side is read on the other', () => {
    const { master, slave } = pair();
    write(slave, 'out\n');
    expect(read(master)).toBe('out\r\n');
    write(master, 'in\n');
    expect([tryRead(slave), tryRead(slave)]).toEqual(['in\n', 'would block']);
    expect(read(master)).toBe('in\r\n');
  });

  test('a master reads what is left when the last slave has closed, then EIO, until one opens', () => {
    const { master, slave } = pair();
    write(slave, 'bye');
    slave.release();
    expect([master.readiness() & HUP, tryRead(master), tryRead(master)]).toEqual([
      HUP,
      'bye',
      `errno ${E.EIO}`,
    ]);
    ok(openSlave(0));
    expect([master.readiness() & HUP, tryRead(master)]).toEqual([0, 'would block']);
  });

  test('a slave whose master has closed is at its end', () => {
    const { master, slave } = pair();
    let woken = 0;
    slave.listen(IN | HUP, (events) => {
      woken |= events;
    });
    master.release();
    expect(woken & HUP).toBe(HUP);
    expect(slave.readiness()).toBe(slave.readiness() | IN | OUT | ERR | HUP);
  });

  test('who types faster than anybody reads has to wait', () => {
    const { master, slave } = pair();
    let typed = 0;
    for (
      let n = write(master, `${'x'.repeat(999)}\n`);
      n === 1000;
      n = write(master, `${'x'.repeat(999)}\n`)
    ) {
      typed += n;
      expect(typed).toBeLessThan(100_000);
      if ((master.readiness() & OUT) === 0) break;
    }
    expect(master.readiness() & OUT).toBe(0);
    read(master);
    while (tryRead(slave).endsWith('\n'));
    expect(master.readiness() & OUT).toBe(OUT);
  });

  test('echo that nobody reads does not fill memory', () => {
    const { master } = pair();
    for (let i = 0; i < 1000; i++) {
      if (master.readiness() & OUT) write(master, 'y'.repeat(1000));
    }
    expect(master.terminal.output.length).toBeLessThan(40_000);
  });
});

describe('TerminalBridge', () => {
  function bridged() {
    const { master, slave } = pair();
    const { reader: input, writer: keyboard } = newPipe(services, credentialsOf(0, 0), O_NONBLOCK);
    const { reader: screen, writer: output } = newPipe(services, credentialsOf(0, 0), O_NONBLOCK);
    const bridge = new TerminalBridge(master, { input, output }, services);
    bridge.start();
    return { bridge, master, slave, keyboard, screen };
  }

  test('keys go in, what appears comes out', () => {
    const { slave, keyboard, screen } = bridged();
    write(keyboard, 'ls\r');
    expect(read(slave)).toBe('ls\n');
    expect(read(screen)).toBe('ls\r\n');
    write(slave, 'one\n');
    write(slave, 'two\n');
    expect(tryRead(screen)).toBe('would block');
    pass();
    expect(read(screen)).toBe('one\r\ntwo\r\n');
    nowNs += 1e9;
    write(slave, 'three\n');
    expect([read(screen), timer]).toEqual(['three\r\n', undefined]);
  });

  test('who reads a terminal that somebody outside types on waits for the host', () => {
    const { slave } = bridged();
    const { hostWaits } = services;
    const stop = slave.listen(IN, () => {});
    expect(hostWaits.any).toBe(true);
    stop();
    stop();
    expect(hostWaits.any).toBe(false);
    slave.listen(OUT, () => {});
    pair().slave.listen(IN, () => {});
    expect(hostWaits.any).toBe(false);
  });

  test('a screen that nobody looks at stops the program, and loses nothing', () => {
    const { slave, screen } = bridged();
    let written = 0;
    while (slave.readiness() & OUT) written += write(slave, 'z'.repeat(1000));
    expect(written).toBeGreaterThan(60_000);
    let seen = 0;
    for (let text = tryRead(screen); text !== 'would block'; text = tryRead(screen)) seen += text.length;
    expect(seen).toBe(written);
    expect(slave.readiness() & OUT).toBe(OUT);
  });

  test('after the end of the process, what is left is shown before the screen closes', () => {
    const { bridge, slave, screen, keyboard } = bridged();
    let written = 0;
    while (slave.readiness() & OUT) written += write(slave, 'z'.repeat(1000));
    bridge.finish();
    let seen = 0;
    for (let text = tryRead(screen); text !== ''; text = tryRead(screen)) seen += text.length;
    expect(seen).toBe(written);
    expect(slave.readiness() & HUP).toBe(HUP);
    expect(keyboard.readiness() & ERR).toBe(ERR);
  });

  test('closing the screen hangs up', () => {
    const { slave, screen } = bridged();
    screen.release();
    nowNs += 1e9;
    write(slave, 'anybody?');
    expect(slave.readiness() & HUP).toBe(HUP);
  });

  test('another window size is told once', () => {
    const { bridge, master } = bridged();
    bridge.resize(132, 50);
    expect(master.terminal.size).toMatchObject({ col: 132, row: 50 });
  });
});
