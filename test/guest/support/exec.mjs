/** `node exec.mjs COMMAND ARG…`: becomes the command, as a shell does by its exec. */
import { Kernel } from 'troupe';

process.on('exit', () => console.log('the exit event'));
const [command, ...args] = process.argv.slice(2);
const kernel = await Kernel.boot({ shards: 1 });
kernel.spawn('sleep', ['1000'], { stdio: 'inherit' });
await kernel.spawn(command, args, { stdio: 'inherit', exec: true }).completed;
console.log('still here');
