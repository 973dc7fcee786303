// Ends the worker of one shard by force while its guests run, and says what the embedder hears of it.
// Arguments: the package's index, the shard.
const [index, shard] = process.argv.slice(2);
const workers = [];
process.on('worker', (worker) => workers.push(worker));
const { Kernel } = await import(index);
const kernel = await Kernel.boot({ cores: 2, placement: 'spread' });
const guests = ['a', 'b', 'c', 'd'].map(() =>
  kernel.spawn('sh', ['-c', 'while :; do /bin/true; done'], { stdio: 'ignore' }),
);
for (const guest of guests) guest.on('error', () => {});
await Promise.all(guests.map((guest) => new Promise((resolve) => guest.on('spawn', resolve))));
await new Promise((resolve) => setTimeout(resolve, 300));
await workers[Number(shard)].terminate();
const ends = await Promise.all(
  guests.map((guest) =>
    guest.completed.then(
      (exit) => `ended: ${JSON.stringify(exit)}`,
      (error) => error.message,
    ),
  ),
);
for (const end of new Set(ends)) console.log(end);
await kernel.close();
console.log('closed');
