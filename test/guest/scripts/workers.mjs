// Worker threads, child processes of every kind, compression and hashing on the thread pool, signals.
import { exec, execFileSync, fork, spawn } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { gzip } from 'node:zlib';

if (process.argv[2] === 'child') {
  process.on('message', (n) => {
    process.send(n * 2, () => process.disconnect());
  });
} else if (isMainThread) {
  await main();
} else {
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i;
  parentPort.postMessage(sum + workerData);
}

async function main() {
  const answers = [1, 2, 3, 4].map(async (n) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: n });
    const exit = once(worker, 'exit');
    const [answer] = await once(worker, 'message');
    await exit;
    return answer;
  });
  console.log(await Promise.all(answers));
  console.log(execFileSync('echo', ['at once']).toString());
  const cat = spawn('cat');
  cat.stdin.end('through cat');
  let said = '';
  for await (const data of cat.stdout) said += data;
  console.log(said);
  console.log((await promisify(exec)('echo by a shell')).stdout);
  const child = fork(fileURLToPath(import.meta.url), ['child']);
  const exit = once(child, 'exit');
  child.send(21);
  const [answer] = await once(child, 'message');
  await exit;
  console.log(answer);
  const sleeper = spawn('sleep', ['10']);
  setTimeout(() => sleeper.kill(), 50);
  console.log(await once(sleeper, 'exit'));
  console.log((await promisify(gzip)('a'.repeat(10_000))).length);
  console.log((await promisify(pbkdf2)('a', 'b', 1000, 16, 'sha1')).toString('hex'));
  process.once('SIGUSR2', () => console.log('USR2'));
  process.kill(process.pid, 'SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 100));
}
