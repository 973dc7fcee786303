import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ECHO,
  ECHOE,
  ECHOKE,
  ECHOPRT,
  ICANON,
  ICRNL,
  IGNCR,
  ISIG,
  IUTF8,
  IXANY,
  IXON,
  NOFLSH,
} from '../../../../../src/abi/termios.js';
import { bytesOf, latin1 } from '../../../../../src/base/bytes.js';
import { LineDiscipline, type LineHost } from '../../../../../src/kernel/fs/tty/line-discipline.js';
import { defaultTermios, type Termios } from '../../../../../src/kernel/fs/tty/settings.js';

/** A terminal that only remembers what its line discipline does. */
class Screen implements LineHost {
  termios: Termios = defaultTermios();
  readonly flow = { stopped: false, byProgram: false };
  readonly signals: number[] = [];
  readonly line = new LineDiscipline(this);
  shown = '';
  flushes = 0;

  startOutput(): void {
    this.flow.stopped = false;
  }
  stopOutput(): void {
    this.flow.stopped = true;
  }
  echoed(): void {
    const bytes = this.line.echo.take();
    if (bytes) this.shown += latin1(bytes);
  }
  signal(signo: number): void {
    this.signals.push(signo);
  }
  flushed(): void {
    this.flushes++;
  }

  set(change: {
    on?: number;
    off?: number;
    input?: number;
    inputOff?: number;
    cc?: [number, number][];
  }): this {
    const before = this.termios;
    const { on = 0, off = 0, input = 0, inputOff = 0, cc = [] } = change;
    const chars = before.cc.slice();
    for (const [index, char] of cc) chars[index] = char;
    this.termios = {
      ...before,
      lflag: (before.lflag | on) & ~off,
      iflag: (before.iflag | input) & ~inputOff,
      cc: chars,
    };
    this.line.changed(before);
    return this;
  }
  type(text: string): this {
    expect(this.line.receive(bytesOf(text))).toBe(text.length);
    return this;
  }
  /** One read(2) of up to `max` bytes; undefined: it would wait. */
  read(max = 4096): string | undefined {
    return this.line.available('any') ? latin1(this.line.take(max)) : undefined;
  }
}

describe('canonical mode', () => {
  const table: [name: string, typed: string, read: (string | undefined)[], shown: string][] = [
    ['a line is read whole', 'abc\n', ['abc\n', undefined], 'abc\r\n'],
    ['what is not finished is not there', 'abc', [undefined], 'abc'],
    ['CR is a newline', 'a\rb\r', ['a\n', 'b\n'], 'a\r\nb\r\n'],
    ['erase', 'ab\x7fc\n', ['ac\n'], 'ab\b \bc\r\n'],
    ['erase at the start does nothing', '\x7fa\n', ['a\n'], 'a\r\n'],
    ['word erase takes blanks, then a word', 'ab cd \x17x\n', ['ab x\n'], `ab cd ${'\b \b'.repeat(3)}x\r\n`],
    ['kill', 'abc\x15x\n', ['x\n'], `abc${'\b \b'.repeat(3)}x\r\n`],
    ['an erased tab goes back to its column', 'ab\t\x7fx\n', ['abx\n'], `ab\t${'\b'.repeat(6)}x\r\n`],
    ['an erased control has two columns', '\x01\x7fx\n', ['x\n'], '^A\b \b\b \bx\r\n'],
    ['the next character as it is', '\x16\x03\x16\x7f\n', ['\x03\x7f\n'], '^\b^C^\b^?\r\n'],
    ['reprint', 'ab\x12c\n', ['abc\n'], 'ab^R\r\nabc\r\n'],
    ['end of file cuts a line', 'abc\x04', ['abc', undefined], 'abc'],
    ['end of file alone', '\x04', ['', undefined], ''],
    ['a NUL is no end of file', 'a\0b\n', ['a\0b\n'], 'a^@b\r\n'],
  ];

  test.each(table)('%s', (_name, typed, reads, shown) => {
    const screen = new Screen().type(typed);
    expect(reads.map(() => screen.read())).toEqual(reads);
    expect(screen.shown).toBe(shown);
  });

  test('a read that ends just before an end of file takes it along', () => {
    const screen = new Screen().type('abc\x04');
    expect([screen.read(2), screen.read(1), screen.read(1)]).toEqual(['ab', 'c', undefined]);
  });

  test('ends of file are not among the bytes that FIONREAD counts', () => {
    expect(new Screen().type('a\x04b\n').line.readable).toBe(3);
  });

  test('a line that is too long loses its end, but not its newline', () => {
    const screen = new Screen().type('a'.repeat(5000)).type('b\n');
    const line = screen.read(8192);
    expect([line?.length, line?.endsWith('a\n')]).toEqual([4096, true]);
  });

  test('with a whole line in it, a full buffer takes no more', () => {
    const screen = new Screen().type('x\n');
    expect(screen.line.receive(bytesOf('a'.repeat(5000)))).toBe(4093);
    expect(screen.read()).toBe('x\n');
    expect(screen.line.receive(bytesOf('\n'))).toBe(1);
  });

  test('erasing a UTF-8 character takes all its bytes and one column', () => {
    const screen = new Screen().set({ input: IUTF8 }).type('a\xc3\xa4\x7fb\n');
    expect([screen.read(), screen.shown]).toEqual(['ab\n', 'a\xc3\xa4\b \bb\r\n']);
  });

  test.each([
    ['without ECHOE the erase character shows', { off: ECHOE }, 'ab\x7f\n', 'ab^?\r\n'],
    ['ECHOPRT prints what is erased', { on: ECHOPRT }, 'ab\x7f\x7fc\n', 'ab\\ba/c\r\n'],
    ['without ECHOKE kill shows itself and a newline', { off: ECHOKE }, 'ab\x15c\n', 'ab^U\r\nc\r\n'],
    ['without ECHO nothing shows', { off: ECHO }, 'ab\x7f\n', ''],
  ])('%s', (_name, flags, typed, shown) => {
    expect(new Screen().set(flags).type(typed).shown).toBe(shown);
  });
});

describe('leaving and entering canonical mode', () => {
  test('unfinished input is there in raw mode', () => {
    expect(new Screen().type('half').set({ off: ICANON }).read()).toBe('half');
  });

  test('raw input counts as a line in canonical mode, whatever its last byte is', () => {
    const screen = new Screen()
      .set({ off: ICANON | ECHO })
      .type('ab\0')
      .set({ on: ICANON });
    expect([screen.read(), screen.read()]).toEqual(['ab\0', undefined]);
  });
});

describe('signals and flow', () => {
  test.each([
    ['\x03', 2],
    ['\x1c', 3],
    ['\x1a', 20],
  ])('%j sends signal %i and forgets what was typed', (key, signo) => {
    const screen = new Screen().type(`abc${key}d\n`);
    expect([screen.signals, screen.flushes, screen.read()]).toEqual([[signo], 1, 'd\n']);
  });

  test('NOFLSH keeps what was typed; without ISIG the key is a character', () => {
    expect(new Screen().set({ on: NOFLSH }).type('a\x03b\n').read()).toBe('ab\n');
    expect(new Screen().set({ off: ISIG }).type('a\x03b\n').read()).toBe('a\x03b\n');
  });

  test('STOP and START are not read; IXANY starts with any key', () => {
    const screen = new Screen().type('\x13');
    expect(screen.flow.stopped).toBe(true);
    expect(screen.type('a\x11\n').flow.stopped).toBe(false);
    expect(screen.read()).toBe('a\n');
    expect(screen.set({ input: IXANY }).type('\x13b').flow.stopped).toBe(false);
  });

  test('switching IXON off starts output', () => {
    expect(new Screen().type('\x13').set({ inputOff: IXON }).flow.stopped).toBe(false);
  });
});

describe('properties', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '_', 'Z', '\n'), maxLength: 200 });

  test('text without special characters is read as typed, by lines', () => {
    fc.assert(
      fc.property(plain, (text) => {
        const screen = new Screen().type(`${text}\n`);
        const lines: string[] = [];
        for (let line = screen.read(); line !== undefined; line = screen.read()) lines.push(line);
        expect(lines.join('')).toBe(`${text}\n`);
        expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
      }),
    );
  });

  test('raw bytes pass unchanged, however they are read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), fc.integer({ min: 1, max: 999 }), (bytes, step) => {
        const raw = { off: ICANON | ECHO | ISIG, inputOff: ICRNL | IXON };
        const screen = new Screen().set(raw).type(latin1(bytes));
        let got = '';
        for (let piece = screen.read(step); piece !== undefined; piece = screen.read(step)) got += piece;
        expect(got).toBe(latin1(bytes));
      }),
    );
  });

  test('what is erased key by key leaves nothing, on the screen either', () => {
    const keys = fc.string({ unit: fc.constantFrom('a', 'é', '\t', '\x01', 'Z'), maxLength: 30 });
    fc.assert(
      fc.property(keys, (text) => {
        const screen = new Screen().set({ input: IGNCR }).type(text);
        const column = (): number => screen.line.output.column;
        screen.type('\x7f'.repeat(text.length));
        expect(column()).toBe(0);
        expect(screen.type('\n').read()).toBe('\n');
      }),
    );
  });
});
