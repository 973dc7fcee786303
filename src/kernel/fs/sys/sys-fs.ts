/** /sys, sysfs(5): as much of the machine's topology as C libraries and runtimes ask for. */
import { FS_MAGIC } from '../../../abi/stat.js';
import type { KernelServices } from '../../services.js';
import type { FileSystem, Inode } from '../inode.js';
import { meminfo } from '../proc/system-texts.js';
import { cpuList, cpuMask } from '../synthetic/cpu-list.js';
import { fixedDirectory, Link, SyntheticFs, Text } from '../synthetic/synthetic-fs.js';

export function newSysFs(services: KernelServices): FileSystem {
  return new SyntheticFs(services, { type: 'sysfs', magic: FS_MAGIC.SYSFS, fileSize: 4096 }, newRoot);
}

function newRoot(fs: SyntheticFs): Inode {
  const { cores } = fs.services.machine;
  const value = (v: string | number): Text => new Text(fs, () => `${v}\n`);
  const directory = (entries: Record<string, Inode> = {}): Inode => fixedDirectory(fs, entries);
  const cpus: Record<string, Inode> = {};
  for (let cpu = 0; cpu < cores; cpu++) cpus[`cpu${cpu}`] = cpuDirectory(fs, cpu, cores);
  const node0 = directory({
    cpulist: value(cpuList(cores)),
    cpumap: value(cpuMask(cores)),
    distance: value(10),
    meminfo: new Text(fs, () => nodeMeminfo(fs.services)),
    ...Object.fromEntries(
      Object.keys(cpus).map((name) => [name, new Link(fs, () => `../../cpu/${name}`)] as const),
    ),
  });
  return directory({
    block: directory(),
    bus: directory(),
    class: directory({ net: directory() }),
    dev: directory(),
    devices: directory({
      system: directory({
        cpu: directory({
          ...cpus,
          isolated: value(''),
          kernel_max: value(8191),
          offline: value(''),
          online: value(cpuList(cores)),
          possible: value(cpuList(cores)),
          present: value(cpuList(cores)),
        }),
        node: directory({
          has_cpu: value(0),
          has_memory: value(0),
          node0,
          online: value(0),
          possible: value(0),
        }),
      }),
    }),
    fs: directory({ cgroup: directory() }),
    kernel: directory({
      mm: directory({
        hugepages: directory(),
        transparent_hugepage: directory({
          enabled: value('always [madvise] never'),
          hpage_pmd_size: value(2_097_152),
        }),
      }),
    }),
    module: directory(),
  });
}

/** The machine's total and free memory, which libnuma reads node by node. */
function nodeMeminfo(services: KernelServices): string {
  const [total = '', free = ''] = meminfo(services).split('\n');
  return `Node 0 ${total}\nNode 0 ${free}\n`;
}

function cpuDirectory(fs: SyntheticFs, cpu: number, cores: number): Inode {
  const value = (v: string | number): Text => new Text(fs, () => `${v}\n`);
  const own = cpuMask(cores, (n) => n === cpu);
  return fixedDirectory(fs, {
    ...(cpu > 0 && { online: value(1) }),
    topology: fixedDirectory(fs, {
      core_cpus: value(own),
      core_cpus_list: value(cpu),
      core_id: value(cpu),
      core_siblings: value(cpuMask(cores)),
      core_siblings_list: value(cpuList(cores)),
      physical_package_id: value(0),
      thread_siblings: value(own),
      thread_siblings_list: value(cpu),
    }),
  });
}
