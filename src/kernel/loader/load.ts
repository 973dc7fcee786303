/**
 * Loads a program: what execve(2) does up to its point of no return. Linux: fs/exec.c, bprm_execve and
 * search_binary_handler.
 *
 * The result is a fresh address space, and a failure leaves nothing behind; or the caller's own, which it
 * gave when all that can be known of the files was known (`reuse`). The order of errors is Linux's: the file, then the size of the arguments, then
 * what is in the file.
 */
import { AUXV, elf64Phdr } from '../../abi/elf.js';
import { E } from '../../abi/errno.js';
import { RLIMIT } from '../../abi/resource.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { latin1 } from '../../base/bytes.js';
import type { Vdso } from '../../platform/platform.js';
import type { Credentials } from '../auth/credentials.js';
import { credentialsAtExec, type ExecCredentials } from '../auth/exec-credentials.js';
import type { VfsPath } from '../fs/path.js';
import type { WalkContext } from '../fs/walk.js';
import type { SoftLimits } from '../mm/accounting.js';
import { brkBase, type LayoutOptions, stackShift } from '../mm/layout.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { pageUp, VM, Vma } from '../mm/vma.js';
import { Failure, fail } from '../outcome.js';
import type { KernelServices, Machine } from '../services.js';
import { isElf, parseElfHeader } from './elf.js';
import { type Executable, openExecutable, readAt } from './executable.js';
import { type ElfFile, imageBounds, inspectElf, type LoadedElf, mapElf, zeroRanges } from './load-elf.js';
import { isScript, parseScript } from './script.js';
import { buildStack, checkStringSizes, type StackImage } from './stack.js';

/** Interpreters of interpreters: Linux's exec_binprm gives up after so many. */
const MAX_DEPTH = 5;
const COMM_LENGTH = 15;
const USUAL_STACK = 8 * 1024 * 1024;
/** Left to the program below its arguments, however small the limit (Linux: stack_expand). */
const MIN_STACK_ROOM = 128 * 1024;
/** arch_align_stack */
const MAX_STACK_SHIFT = 8192;
/** Signal frame with AVX-512 state, where the machine does not say. */
const USUAL_MIN_SIGNAL_STACK = 3632;
const STACK_FLAGS = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | VM.GROWSDOWN | VM.NORESERVE;

export interface LoadRequest {
  readonly ctx: WalkContext;
  readonly creds: Credentials;
  readonly limits: SoftLimits;
  /** Set-user-ID bits do not count: somebody could take hold of the program. */
  readonly unsafe?: boolean;
  /** ADDR_NO_RANDOMIZE, which a program that changes its ids does without. */
  readonly fixedLayout?: boolean;
  /** The path as given: AT_EXECFN, and where the program is looked for. */
  readonly filename: string;
  /** The program itself, where it was found otherwise (execveat(2) with AT_EMPTY_PATH). */
  readonly place?: VfsPath;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /**
   * The point of no return: the files can be loaded. May give the caller's own address space, emptied; what
   * fails after that is for the caller to die of.
   */
  readonly reuse?: (options: LayoutOptions) => MemoryManager | undefined;
}

export interface LoadedProgram {
  /** With one reference, the caller's. */
  readonly mm: MemoryManager;
  readonly pc: UserAddr;
  readonly sp: UserAddr;
  readonly comm: string;
  readonly exe: VfsPath;
  /** What the program runs with. */
  readonly creds: Credentials;
}

/** The ELF files to load, opened, and the arguments for them. */
interface Found {
  readonly program: ElfFile;
  readonly interpreter: ElfFile | undefined;
  readonly argv: readonly string[];
}

export function loadProgram(services: KernelServices, request: LoadRequest): LoadedProgram | Failure {
  const opened: Executable[] = [];
  try {
    const found = findProgram(services, request, opened);
    return found instanceof Failure ? found : build(services, request, found);
  } finally {
    // The mappings hold the files from here on.
    for (const { file } of opened) file.release();
  }
}

function findProgram(services: KernelServices, request: LoadRequest, opened: Executable[]): Found | Failure {
  const open = (where: string | VfsPath): Executable | Failure => {
    const executable = openExecutable(services, request.ctx, where);
    if (!(executable instanceof Failure)) opened.push(executable);
    return executable;
  };
  // A program is never without a name (Linux 5.18).
  let argv: readonly string[] = request.argv.length === 0 ? [''] : request.argv;
  let name = request.filename;
  let executable = open(request.place ?? name);
  for (let depth = 0; ; depth++) {
    if (executable instanceof Failure) return executable;
    if (depth > MAX_DEPTH) return fail(E.ELOOP);
    const tooBig = checkStringSizes(
      { argv, envp: request.envp, filename: request.filename },
      request.limits.number(RLIMIT.STACK),
    );
    if (tooBig) return tooBig;
    if (!isScript(executable.head)) break;
    const script = parseScript(executable.head);
    if (script instanceof Failure) return script;
    const { interpreter, argument } = script;
    argv = [interpreter, ...(argument === undefined ? [] : [argument]), name, ...argv.slice(1)];
    name = interpreter;
    executable = open(interpreter);
  }
  const program = inspectElf(services, executable);
  if (program instanceof Failure) return program;
  const interpreter = openInterpreter(services, program, open);
  if (interpreter instanceof Failure) return interpreter;
  return { program, interpreter, argv };
}

function openInterpreter(
  services: KernelServices,
  program: ElfFile,
  open: (path: string) => Executable | Failure,
): ElfFile | Failure | undefined {
  const where = program.image.interpreter;
  if (!where) return undefined;
  const path = readAt(services, program.file, where.offset, where.length);
  if (path instanceof Failure) return path;
  if (path.length < where.length) return fail(E.EIO);
  if (path.at(-1) !== 0) return fail(E.ENOEXEC);
  const executable = open(latin1(path.subarray(0, path.indexOf(0))));
  if (executable instanceof Failure) return executable;
  if (!isElf(executable.head) || parseElfHeader(executable.head) instanceof Failure) return fail(E.ELIBBAD);
  const file = inspectElf(services, executable);
  return file instanceof Failure && file.errno === E.ENOEXEC ? fail(E.ELIBBAD) : file;
}

function build(services: KernelServices, request: LoadRequest, found: Found): LoadedProgram | Failure {
  const { creds, limits, unsafe = false, fixedLayout = false } = request;
  const identity = credentialsAtExec(creds, found.program.place, { unsafe });
  const sameIds = identity.creds.euid === creds.euid && identity.creds.egid === creds.egid;
  const options = { stackLimit: limits.number(RLIMIT.STACK), fixed: fixedLayout && sameIds };
  // A program with more rights than its caller has a host process of its own.
  const reused = identity.secure ? undefined : request.reuse?.(options);
  if (reused) return fill(reused, request, found, identity);
  const mm = MemoryManager.create(services, options);
  let done = false;
  try {
    const loaded = fill(mm, request, found, identity);
    done = !(loaded instanceof Failure);
    return loaded;
  } finally {
    if (!done) mm.release();
  }
}

function fill(
  mm: MemoryManager,
  request: LoadRequest,
  found: Found,
  identity: ExecCredentials,
): LoadedProgram | Failure {
  const { program, interpreter } = found;
  // A program without interpreter may be one itself (ld.so COMMAND): it keeps out of the way then.
  const where = interpreter ? { preferred: mm.layout.programBase } : {};
  const main = mapElf(mm, program, where, request);
  if (main instanceof Failure) return main;
  const linker = interpreter && mapElf(mm, interpreter, {}, request);
  if (linker instanceof Failure) return linker;

  const stack = makeStack(mm, request, found, { main, linker }, identity);
  const room = Math.min(request.limits.number(RLIMIT.STACK), USUAL_STACK);
  const size = pageUp(Math.max(room, stack.bytes.length + MIN_STACK_ROOM));
  const refused = mapStack(mm, size, program.image.executableStack) ?? mm.flush();
  if (refused) return refused;
  if (!zeroRanges(mm, main.zero) || (linker && !zeroRanges(mm, linker.zero))) return fail(E.ENOEXEC);
  if (mm.memory.tryWrite(userAddr(stack.sp), stack.bytes) !== stack.bytes.length) return fail(E.ENOMEM);

  setFacts(mm, found, main, stack);
  const pc = interpreter && linker ? interpreter.image.entry + linker.bias : program.image.entry + main.bias;
  return {
    mm,
    pc: userAddr(pc),
    sp: userAddr(stack.sp),
    comm: request.filename.slice(request.filename.lastIndexOf('/') + 1).slice(0, COMM_LENGTH),
    exe: program.place,
    creds: identity.creds,
  };
}

function mapStack(mm: MemoryManager, size: number, executable: boolean): Failure | undefined {
  const { stackTop } = mm.layout;
  const start = stackTop - size;
  if (mm.vmas.overlaps(start, stackTop)) return fail(E.ENOMEM);
  const flags = executable ? STACK_FLAGS | VM.EXEC : STACK_FLAGS;
  const vma = new Vma({ start, end: stackTop, flags, name: '[stack]' });
  mm.mapOnHost(vma);
  mm.add(vma);
  return undefined;
}

interface Loaded {
  readonly main: LoadedElf;
  readonly linker: LoadedElf | undefined;
}

function makeStack(
  mm: MemoryManager,
  request: LoadRequest,
  found: Found,
  loaded: Loaded,
  identity: ExecCredentials,
): StackImage {
  const { random, machine, platform } = mm.services;
  const bytes = new Uint8Array(16);
  random.fill(bytes);
  return buildStack({
    argv: found.argv,
    envp: request.envp,
    filename: request.filename,
    top: mm.layout.stackTop,
    random: bytes,
    gap: stackShift(mm.layout, random, MAX_STACK_SHIFT),
    auxv: [...vdsoEntry(platform.vdso), ...auxiliary(machine, identity, found, loaded)],
  });
}

function vdsoEntry(vdso: Vdso | undefined): [number, number][] {
  return vdso ? [[AUXV.SYSINFO_EHDR, vdso.address]] : [];
}

/** In Linux's order, behind AT_SYSINFO_EHDR. Zeros are filled in by buildStack. */
function auxiliary(
  machine: Machine,
  { creds, secure }: ExecCredentials,
  { program: { image } }: Found,
  { main, linker }: Loaded,
): [number, number][] {
  return [
    [AUXV.MINSIGSTKSZ, machine.minSignalStack ?? USUAL_MIN_SIGNAL_STACK],
    [AUXV.HWCAP, machine.hwcap],
    [AUXV.PAGESZ, PAGE_SIZE],
    [AUXV.CLKTCK, machine.ticksPerSecond],
    [AUXV.PHDR, image.tableAddress === 0 ? 0 : image.tableAddress + main.bias],
    [AUXV.PHENT, elf64Phdr.size],
    [AUXV.PHNUM, image.tableLength / elf64Phdr.size],
    [AUXV.BASE, linker?.bias ?? 0],
    [AUXV.FLAGS, 0],
    [AUXV.ENTRY, image.entry + main.bias],
    [AUXV.UID, creds.uid],
    [AUXV.EUID, creds.euid],
    [AUXV.GID, creds.gid],
    [AUXV.EGID, creds.egid],
    [AUXV.SECURE, secure ? 1 : 0],
    [AUXV.RANDOM, 0],
    [AUXV.HWCAP2, machine.hwcap2],
    [AUXV.EXECFN, 0],
    [AUXV.PLATFORM, 0],
    ...(machine.extraAuxv ?? []).map(({ type, value }): [number, number] => [type, value]),
  ];
}

function setFacts(
  mm: MemoryManager,
  { program, interpreter }: Found,
  main: LoadedElf,
  stack: StackImage,
): void {
  const { argStart, argEnd, envStart, envEnd, auxv } = stack;
  const { image } = program;
  const bounds = imageBounds(image, main.bias);
  mm.image = {
    ...bounds,
    stackStart: stack.sp,
    argStart,
    argEnd,
    envStart,
    envEnd,
    auxv,
    exe: program.place,
  };
  // Without an interpreter a relocatable program lies among the mappings, where a heap has no room.
  const heapAfter = image.relocatable && !interpreter ? mm.layout.programBase : image.high + main.bias;
  mm.brkStart = brkBase(mm.layout, mm.services.random, heapAfter);
  mm.brkEnd = mm.brkStart;
}
