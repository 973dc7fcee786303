/** One kernel over several shards: what processes share, they share wherever they run. */
import { describe, expect, test } from '@jest/globals';
import { troupe } from './support/run.js';

const SPREAD = ['--cores', '2', '--placement', 'spread'];

async function spread(script: string): Promise<string> {
  const { stdout, stderr, status } = await troupe(SPREAD, ['bash', '-c', script]);
  expect({ stderr: stderr.toString(), status }).toEqual({ stderr: '', status: 0 });
  return stdout.toString();
}

describe('processes on several shards share', () => {
  test('pipes', async () => {
    expect(await spread('seq 1 100000 | sort -rn | head -1; yes | head -2')).toBe('100000\ny\ny\n');
  });

  test('files in memory, made, changed, mapped and removed by each other', async () => {
    const script = `cd /tmp; echo one > f; cp f g; cmp f g && echo same; sed -i s/one/two/ g; cat g
      cp /usr/bin/env e; ./e echo ran; rm f g e; ls | wc -l`;
    expect(await spread(script)).toBe('same\ntwo\nran\n0\n');
  });

  test('a PID space: children are waited for, with their status', async () => {
    const script = `sh -c 'exit 7'; echo $?; sleep 100 & kill -TERM $!; wait $!; echo $?
      sh -c 'kill -KILL $$'; echo $?; sh -c 'sh -c "exit 3" & wait $!; exit $?'; echo $?`;
    const { stdout } = await troupe(SPREAD, ['bash', '-c', script]);
    expect(stdout.toString()).toBe('7\n143\n137\n3\n');
  });

  test('signals: handlers, stops and continuation', async () => {
    const script = `trap 'echo usr1' USR1; sh -c "kill -USR1 $$"
      sleep 0.2 & kill -STOP $!; until grep -q 'State:.T' /proc/$!/status; do sleep 0.01; done
      kill -CONT $!; wait $!; echo $?`;
    expect(await spread(script)).toBe('usr1\n0\n');
  });

  test('process groups and sessions', async () => {
    const script = `setsid sh -c 'ps -o pid=,pgid=,sid= -p $$' | while read p g s; do [ $p = $g -a $p = $s ] && echo own; done
      set -m; sleep 100 | sleep 100 & kill -TERM %1; wait %1; echo $?`;
    const { stdout } = await troupe(SPREAD, ['bash', '-c', script]);
    expect(stdout.toString()).toBe('own\n143\n');
  });

  test('orphans: their parent is the kernel', async () => {
    const script = `sh -c '(sleep 0.1; ps -o ppid= -p $BASHPID) & true' | cat; sleep 0.3`;
    expect((await spread(script.replace('sh -c', 'bash -c'))).trim()).toBe('1');
  });

  test('credentials, limits and the working directory', async () => {
    const script = `cd /tmp; mkdir d; cd d; sh -c 'ulimit -n 50; umask 077; cd ..; sh -c "ulimit -n; umask; pwd"'; pwd`;
    expect(await spread(script)).toBe('50\n0077\n/tmp\n/tmp/d\n');
  });

  test('memory: semaphores between processes, by futexes in mapped files', async () => {
    const program = `
import multiprocessing as mp
def work(lock, value):
    for _ in range(200):
        with lock: value.value += 1
lock, value = mp.get_context('spawn').Lock(), mp.get_context('spawn').Value('i', 0, lock=False)
if __name__ == '__main__':
    c = mp.get_context('fork')
    ps = [c.Process(target=work, args=(lock, value)) for _ in range(3)]
    for p in ps: p.start()
    for p in ps: p.join()
    print(value.value)`;
    const { stdout } = await troupe(SPREAD, ['python3', '-c', program]);
    expect(stdout.toString()).toBe('600\n');
  });

  test('what /proc tells of memory and of who sleeps', async () => {
    const script = `grep -c -e '\\[heap\\]' -e '\\[stack\\]' /proc/self/maps; grep -c libc /proc/self/maps | grep -v '^0$' | wc -l
      sleep 100 & until grep -q 'State:.S' /proc/$!/status; do sleep 0.01; done; grep -c 'bin/sleep' /proc/$!/maps | grep -v '^0$' | wc -l
      awk '/VmSize/ {print ($2 > 0)}' /proc/$!/status; kill $!`;
    expect(await spread(script)).toBe('2\n1\n1\n1\n');
  });

  test('programs, also those named below a descriptor', async () => {
    const program = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def run(fd, path, flags=0):
    argv = (ctypes.c_char_p * 3)(b'echo', b'below', None)
    envp = (ctypes.c_char_p * 1)(None)
    libc.syscall(322, fd, path, argv, envp, flags)
    return os.strerror(ctypes.get_errno())
bin = os.open('/bin', os.O_RDONLY | os.O_DIRECTORY)
print(run(bin, b'nothing-of-that-name'), run(999, b'echo'), run(bin, b'../../etc/passwd'), flush=True)
run(bin, b'echo')`;
    const { stdout } = await troupe(SPREAD, ['python3', '-c', program]);
    expect(stdout.toString()).toBe(
      'No such file or directory Bad file descriptor Permission denied\nbelow\n',
    );
  });

  test('/proc/self: each is itself, also when it executes what it is', async () => {
    const script = `loop() { for i in $(seq 40); do /proc/self/exe -c : || echo bad; done; }
      bash -c "$(declare -f loop); loop" & bash -c "$(declare -f loop); loop"; wait; echo done`;
    expect(await spread(script)).toBe('done\n');
  });

  test('a build: make -j4 with a compiler', async () => {
    const script = `cd /tmp
      for i in 1 2 3 4; do echo "int f$i(void){return $i;}" > f$i.c; done
      echo 'int f1(void),f2(void),f3(void),f4(void);int main(void){return f1()+f2()+f3()+f4();}' > m.c
      printf 'm: m.o f1.o f2.o f3.o f4.o\\n\\tgcc -o $@ $^\\n' > Makefile
      make -j4 > log; ./m; echo $?`;
    expect(await spread(script)).toBe('10\n');
  });
});
