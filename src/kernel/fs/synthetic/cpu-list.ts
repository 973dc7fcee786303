/** Sets of the first `cores` CPUs, as /proc and /sys print them. */

/** "0-3", "0". */
export function cpuList(cores: number): string {
  return cores === 1 ? '0' : `0-${cores - 1}`;
}

/** "f", "1,ffffffff": hexadecimal words of 32 bits, the highest first. */
export function cpuMask(cores: number, has: (cpu: number) => boolean = () => true): string {
  const words: string[] = [];
  for (let first = 0; first < cores; first += 32) {
    let word = 0;
    for (let cpu = first; cpu < Math.min(cores, first + 32); cpu++) if (has(cpu)) word += 2 ** (cpu - first);
    words.push(word.toString(16));
  }
  const [highest = '0', ...others] = words.reverse();
  return [highest, ...others.map((word) => word.padStart(8, '0'))].join(',');
}
