/** `--events` and `--trace`: the kernel's events in a file, as lines of JSON or as a trace. */
import { ChromeTrace, type Kernel, type KernelEvent, TRACE_TYPES } from '../index.js';
import { EventFile } from './event-file.js';

export interface RecordRequest {
  /** A path, or `-`: standard output. */
  events: string | undefined;
  trace: string | undefined;
}

/** Files are opened at once: a wrong path is said before anything runs. */
export function openRecords({ events, trace }: RecordRequest): ((kernel: Kernel) => void)[] {
  const records: ((kernel: Kernel) => void)[] = [];
  if (events !== undefined) {
    const file = new EventFile('--events', events);
    records.push((kernel) => recordEvents(kernel, file));
  }
  if (trace !== undefined) {
    const file = new EventFile('--trace', trace);
    records.push((kernel) => recordTrace(kernel, file));
  }
  return records;
}

function recordEvents(kernel: Kernel, file: EventFile): void {
  // Lines are written as they come together, so that `tail -f` shows them.
  const events = kernel.observe({ lossless: true });
  write(events, file, (event) => `${JSON.stringify(event)}\n`);
}

function recordTrace(kernel: Kernel, file: EventFile): void {
  const trace = new ChromeTrace();
  file.write('{"displayTimeUnit":"ns","traceEvents":[\n');
  let before = '';
  write(kernel.observe({ types: TRACE_TYPES, lossless: true }), file, (event) => {
    let text = '';
    for (const record of trace.add(event)) {
      text += before + JSON.stringify(record);
      before = ',\n';
    }
    return event.type === 'end' ? `${text}\n]}\n` : text;
  });
}

const PROMPT_MS = 100;

function write(
  events: ReturnType<Kernel['observe']>,
  file: EventFile,
  textOf: (event: KernelEvent) => string,
): void {
  const timer = setInterval(() => file.flush(), PROMPT_MS);
  timer.unref();
  const subscription = events.subscribe({
    next(event) {
      file.write(textOf(event));
      if (file.broken) subscription.unsubscribe();
    },
    complete() {
      clearInterval(timer);
      file.close();
    },
  });
}
