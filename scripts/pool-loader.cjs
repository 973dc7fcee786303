/**
 * Loads the shard's code from V8's code cache: compiling it anew costs every start of a sandbox about
 * 40 ms (docs/decisions/0011). A cache of another V8 or another build is refused by V8 itself, and the
 * code is compiled as usual. scripts/bundle.mjs makes the cache by running one guest with
 * TROUPE_CODE_CACHE=write.
 */
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const file = join(__dirname, 'shard.js');
const cache = join(__dirname, 'shard.cache');

function cached() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const writing = process.env.TROUPE_CODE_CACHE === 'write';
const script = new Script(wrap(readFileSync(file, 'utf8')), {
  filename: file,
  cachedData: writing ? undefined : cached(),
});
const shard = { exports: {} };
script.runInThisContext()(shard.exports, require, shard, file, __dirname);
const { default: run } = shard.exports;

module.exports = writing
  ? async (task) => {
      const result = await run(task);
      if (task.type === 'task') writeFileSync(cache, script.createCachedData());
      return result;
    }
  : run;
