#!/usr/bin/env node
/** dist/cli/main.js: the command, which is troupe.js beside it. */
'use strict';
const { loadCached } = require('./load-cached.cjs');

const { keep } = loadCached(__dirname, 'troupe', require);
if (keep) process.once('exit', keep);
