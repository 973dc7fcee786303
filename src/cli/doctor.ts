/** `troupe doctor`: the host's report as lines, or as JSON. Status 1 when troupe cannot run here. */
import type { HostCheck, HostReport } from '../index.js';
import { describeOptions, type OptionSpec, parseArgs, UsageError } from './args.js';

interface DoctorRequest {
  json: boolean;
  help: boolean;
}

const OPTIONS: readonly OptionSpec<DoctorRequest>[] = [
  {
    name: 'json',
    help: 'print the report as JSON',
    apply: (request) => {
      request.json = true;
    },
  },
  {
    name: 'help',
    help: 'print this',
    apply: (request) => {
      request.help = true;
    },
  },
];

export async function doctor(args: readonly string[]): Promise<number> {
  const request: DoctorRequest = { json: false, help: false };
  const [operand] = parseArgs(args, OPTIONS, request);
  if (operand !== undefined) throw new UsageError(`doctor takes no operand: ${operand}`);
  if (request.help) {
    console.log(`Usage: troupe doctor [options]\n\nSays what this host offers, and what will be used.\n`);
    console.log(`Options:\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  const { inspectHost } = await import('../index.js');
  const report = await inspectHost();
  console.log(request.json ? JSON.stringify(report, undefined, 2) : describeReport(report));
  return report.ok ? 0 : 1;
}

const MARKS: Readonly<Record<HostCheck['status'], string>> = { ok: 'yes', absent: 'no', missing: 'NEEDED' };

export function describeReport(report: HostReport): string {
  const width = Math.max(...report.checks.map((c) => c.name.length));
  const lines = report.checks.map((check) => {
    const advice = check.advice ? ` — ${check.advice}` : '';
    return `${check.name.padEnd(width)}  ${MARKS[check.status].padEnd(6)}  ${check.detail}${advice}`;
  });
  const uses = [
    `platform      ${report.uses.platform}`,
    `traps by      ${report.uses.trap}`,
    `isolation     ${report.uses.isolation}`,
    `guest memory  ${report.uses.guestMemory}`,
    `shards        ${report.uses.shards}`,
  ];
  const verdict = report.ok ? 'troupe can run here.' : 'troupe cannot run here: see the lines marked NEEDED.';
  return ['What this host offers', ...lines, '', 'What will be used', ...uses, '', verdict].join('\n');
}
