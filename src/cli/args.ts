/**
 * A small argument parser: options are declared once, as data, and parsed and explained from that.
 * Options end at the first operand or at `--`; what follows belongs to the guest's command.
 * (Written here because start-up time is a feature: see docs/decisions.)
 */

/** The command line is wrong; the message is one line that says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface OptionSpec<T> {
  /** Without the dashes. */
  readonly name: string;
  /** One letter, for options without a value; several may share a dash. */
  readonly short?: string;
  /** What the value is called in the help; in brackets when it may be left out (`--name=VALUE` only). */
  readonly value?: string;
  readonly help: string;
  /** Notes the option in what is being built; throws UsageError when the value is wrong. */
  apply(into: T, value: string): void;
}

/** An option without a value. */
export function flag<T>(name: string, help: string, apply: (into: T) => void, short?: string): OptionSpec<T> {
  return short === undefined ? { name, help, apply } : { name, short, help, apply };
}

/** One with a value; see OptionSpec. */
export function option<T>(
  name: string,
  value: string,
  help: string,
  apply: (into: T, value: string) => void,
): OptionSpec<T> {
  return { name, value, help, apply };
}

/** The value must be one of these words, which the help lists where it says `%`; `kind` is what they are. */
export function choice<T, W extends string>(
  name: string,
  value: string,
  help: string,
  { kind, words, apply }: { kind: string; words: readonly W[]; apply: (into: T, word: W) => void },
): OptionSpec<T> {
  const all = words.join(', ');
  return option(name, value, help.replace('%', all), (into, text) => {
    const word = words.find((w) => w === text);
    if (word === undefined) throw new UsageError(`not a ${kind}; write one of ${all}`);
    apply(into, word);
  });
}

/** Applies the options at the front of `args` and returns the operands. */
export function parseArgs<T>(args: readonly string[], specs: readonly OptionSpec<T>[], into: T): string[] {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word === '--') return args.slice(i + 1);
    if (!word.startsWith('-') || word === '-') return args.slice(i);
    if (/^-[A-Za-z]+$/.test(word)) {
      for (const letter of word.slice(1)) applyShort(specs, letter, into);
      continue;
    }
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const inline = equals < 0 ? undefined : word.slice(equals + 1);
    const spec = specs.find((s) => `--${s.name}` === flag);
    if (!spec) throw new UsageError(`unknown option ${flag}; --help lists them`);
    apply(spec, flag, inline, () => args[++i], into);
  }
  return [];
}

function applyShort<T>(specs: readonly OptionSpec<T>[], letter: string, into: T): void {
  const spec = specs.find((s) => s.short === letter);
  if (!spec) throw new UsageError(`unknown option -${letter}; --help lists them`);
  spec.apply(into, '');
}

function apply<T>(
  spec: OptionSpec<T>,
  flag: string,
  inline: string | undefined,
  next: () => string | undefined,
  into: T,
): void {
  if (spec.value === undefined) {
    if (inline !== undefined) throw new UsageError(`${flag} takes no value`);
    spec.apply(into, '');
    return;
  }
  const mayBeAbsent = spec.value.startsWith('[');
  const value = inline ?? (mayBeAbsent ? '' : next());
  if (value === undefined) throw new UsageError(`${flag} needs a value: ${flag} ${spec.value}`);
  try {
    spec.apply(into, value);
  } catch (e) {
    if (e instanceof UsageError) throw new UsageError(`${flag} ${value}: ${e.message}`);
    throw e;
  }
}

/** The options as lines of help text. */
export function describeOptions(
  specs: readonly Pick<OptionSpec<never>, 'name' | 'short' | 'value' | 'help'>[],
): string {
  const left = specs.map((s) => {
    if (s.value === undefined) return s.short ? `-${s.short}, --${s.name}` : `--${s.name}`;
    return s.value.startsWith('[') ? `--${s.name}${s.value}` : `--${s.name} ${s.value}`;
  });
  const width = Math.max(...left.map((l) => l.length)) + 2;
  return specs.map((s, i) => `  ${(left[i] as string).padEnd(width)}${s.help}`).join('\n');
}
