/**
 * What `python3 -m test -v` says, as outcomes by test. The verbose lines tell what ran (a test may print
 * between its name and its result); the summary at the end tells what failed, with subtests under their test.
 */

const HEADER = /^(?:test|setUp|tearDown)\w* \(([\w.]+)\)/;
const RESULT = /(?:^|\.\.\. |.)(ok|FAIL|ERROR|expected failure|unexpected success|skipped .*)$/;
const SUMMARY = /^(FAIL|ERROR): \w+ \(([\w.]+)\)/;

export function parseResults(output) {
  const results = {};
  let running;
  let finished = false;
  for (const line of output.split(/\r?\n/)) {
    const summary = SUMMARY.exec(line);
    if (summary) {
      results[shorten(summary[2])] = summary[1] === 'FAIL' ? 'fail' : 'error';
      continue;
    }
    const header = HEADER.exec(line);
    if (header) running = shorten(header[1]);
    const result = RESULT.exec(line);
    if (result && running) {
      results[running] ??= outcomeOf(result[1]);
      running = undefined;
    }
    if (/^Ran \d+ tests? in/.test(line)) {
      finished = true;
      running = undefined;
    }
    // A module that skips itself as a whole.
    if (/^test_\w+ skipped/.test(line)) finished = true;
  }
  return { results, running, finished };
}

/** test.test_os.FileTests.test_read → FileTests.test_read */
function shorten(id) {
  return id.split('.').slice(-2).join('.');
}

function outcomeOf(word) {
  if (word === 'ok' || word === 'expected failure') return 'ok';
  if (word.startsWith('skipped')) return 'skipped';
  return word === 'ERROR' ? 'error' : 'fail';
}
