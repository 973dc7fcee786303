// A process of its own that loads a saved kernel, lets it go on, and ends as its first process does.
import { Kernel } from 'troupe';

const [file] = process.argv.slice(2);
const kernel = await Kernel.loadFrom(file, { stdio: 'inherit', logLevel: 'error' });
await kernel.unpause();
const exits = await Promise.all(kernel.processes.map((process) => process.completed));
await kernel.close();
process.exitCode = exits[0]?.exitCode ?? 99;
