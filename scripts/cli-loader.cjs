#!/usr/bin/env node
/** dist/cli/main.js: the command, which is troupe.js beside it. */
'use strict';
const command = process.argv[2];
// Node takes 17 ms to start a worker: meanwhile the command loads itself and reads its arguments.
if (command === 'run' || command === 'restore') require('./worker-ahead.cjs').startWorker();

const { loadCached } = require('./load-cached.cjs');

const { keep } = loadCached(__dirname, 'troupe', require);
if (keep) process.once('exit', keep);
