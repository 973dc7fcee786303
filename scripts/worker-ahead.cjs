/**
 * A worker of the pool that is started before there is a pool: Piscina, which would load for 6 ms first, takes it
 * for the first that it starts (scripts/bundle.mjs has it ask here).
 */
'use strict';
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');

const WORKER = join(__dirname, '..', 'pool', 'worker.js');

exports.startWorker = function startWorker() {
  // Node would load the streams of this process before it started the thread.
  let ahead = new Worker(WORKER, { stdout: true, stderr: true });
  globalThis[Symbol.for('troupe.newWorker')] = (file, options) => {
    const taken = file === WORKER ? ahead : undefined;
    if (!taken) return new Worker(file, options);
    ahead = undefined;
    taken.stdout.pipe(process.stdout);
    taken.stderr.pipe(process.stderr);
    return taken;
  };
};
