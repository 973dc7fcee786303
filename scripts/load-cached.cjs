/**
 * Loads a bundle (ASCII; CommonJS, with the function that node would wrap it in) with V8's code cache: compiling it
 * anew would cost every start of a sandbox some 40 ms (docs/decisions/0011). A cache of another V8 or another build is refused by V8
 * itself, and the code is compiled as usual. scripts/bundle.mjs makes the caches by running one guest
 * with TROUPE_CODE_CACHE=write.
 */
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const writing = process.env.TROUPE_CODE_CACHE === 'write';

function readCache(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Runs NAME.js of the directory; its exports, and how to keep what has been compiled by now. */
exports.loadCached = function loadCached(directory, name, load) {
  const file = join(directory, `${name}.js`);
  const cache = join(directory, `${name}.cache`);
  const script = new Script(readFileSync(file, 'latin1'), {
    filename: file,
    cachedData: writing ? undefined : readCache(cache),
  });
  const bundle = { exports: {} };
  script.runInThisContext()(bundle.exports, load, bundle, file, directory);
  return {
    exports: bundle.exports,
    keep: writing ? () => writeFileSync(cache, script.createCachedData()) : undefined,
  };
};
