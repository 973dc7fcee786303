import { expect, test } from '@jest/globals';
import { describeReport } from '../../../../src/cli/doctor.js';
import { inspectHost } from '../../../../src/platform/host/doctor.unsafe.js';

test('the report names every feature once, and says what can be done about a missing one', async () => {
  const report = await inspectHost();
  const names = report.checks.map((c) => c.name);
  expect(names).toEqual([...new Set(names)]);
  expect(names).toEqual(
    expect.arrayContaining(['machine', 'kernel', 'koffi', 'seccomp', 'memfd', 'pidfd', 'openat2']),
  );
  expect(report.ok).toBe(report.checks.every((c) => c.status !== 'missing'));
});

test('looking changes nothing: a second report is the same', async () => {
  expect(await inspectHost()).toEqual(await inspectHost());
});

test('the printed report marks what is needed', () => {
  const text = describeReport({
    ok: false,
    checks: [
      { name: 'machine', status: 'ok', detail: 'linux x64' },
      { name: 'fsgsbase', status: 'absent', detail: 'slower' },
      { name: 'memfd', status: 'missing', detail: 'may not be executed', advice: 'sysctl it' },
    ],
    uses: { platform: 'systrap', trap: 'seccomp', isolation: 'seccomp', guestMemory: 'copied', shards: '2' },
  });
  expect(text).toContain('machine   yes     linux x64');
  expect(text).toContain('fsgsbase  no      slower');
  expect(text).toContain('memfd     NEEDED  may not be executed — sysctl it');
  expect(text).toContain('troupe cannot run here');
});
