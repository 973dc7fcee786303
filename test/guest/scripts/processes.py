"""Threads, subprocesses, multiprocessing by fork, spawn and forkserver, asyncio, shared memory, managers."""
import asyncio
import concurrent.futures
import multiprocessing
import os
import queue
import signal
import subprocess
import threading
import time
from multiprocessing import shared_memory


def square(x):
    return x * x


def put(into, count):
    for i in range(count):
        into.put(i)


def threads():
    q = queue.Queue()
    many = [threading.Thread(target=put, args=(q, 100)) for _ in range(20)]
    for t in many:
        t.start()
    for t in many:
        t.join()
    print(q.qsize())

    def fork():
        child = os.fork()
        if child == 0:
            os._exit(11)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    t = threading.Thread(target=fork)
    t.start()
    t.join()


def subprocesses():
    print(subprocess.run(['sort'], input='b\na\n', text=True, capture_output=True).stdout)
    print(subprocess.check_output('echo $((1 + 1))', shell=True))
    p = subprocess.Popen(['sleep', '10'])
    try:
        p.wait(0.2)
    except subprocess.TimeoutExpired:
        p.kill()
        print(p.wait())


def processes(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        print(method, pool.map(square, range(10)))
    q = context.Queue()
    p = context.Process(target=put, args=(q, 5))
    p.start()
    print([q.get() for _ in range(5)])
    p.join()
    print(p.exitcode)


async def asynchronous():
    pipe = asyncio.subprocess.PIPE
    p = await asyncio.create_subprocess_exec('cat', stdin=pipe, stdout=pipe)
    out, _ = await p.communicate(b'through cat')
    print(out, p.returncode)
    print(await asyncio.gather(*[asyncio.sleep(0.02, i) for i in range(10)]))


def main():
    threads()
    subprocesses()
    for method in ('fork', 'spawn', 'forkserver'):
        processes(method)
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        print(list(executor.map(square, range(5))))
    asyncio.run(asynchronous())
    got = []
    signal.signal(signal.SIGALRM, lambda *_: got.append('alarm'))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(0.3)
    print(got)
    ours = shared_memory.SharedMemory(create=True, size=100)
    ours.buf[0] = 7
    again = shared_memory.SharedMemory(name=ours.name)
    print(again.buf[0])
    again.close()
    ours.close()
    ours.unlink()
    with multiprocessing.Manager() as manager:
        d = manager.dict()
        d['a'] = 1
        print(dict(d))


if __name__ == '__main__':
    main()
