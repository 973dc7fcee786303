/** dist/pool/shard-worker.js: what a worker of the pool runs, which is shard.js beside it. */
'use strict';
const { loadCached } = require('./load-cached.cjs');

const { exports: shard, keep } = loadCached(__dirname, 'shard', require);

shard.useImport((url) => import(url));
module.exports = keep
  ? async (task) => {
      const result = await shard.default(task);
      // Its end is the last that runs.
      if (task.type === 'shard') keep();
      return result;
    }
  : shard.default;
