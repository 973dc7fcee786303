# Forks sleepers with thousands of mappings each until it may not; then it may again once they are gone.
import errno, mmap, os, signal

PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
# Neighbours differ, so that they do not merge.
maps = [mmap.mmap(-1, 4096, PRIVATE, mmap.PROT_READ | (i % 2 * mmap.PROT_WRITE)) for i in range(8000)]
children = []
while True:
    try:
        child = os.fork()
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
        break
    if child == 0:
        signal.pause()
    children.append(child)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
if os.fork() == 0:
    os._exit(0)
print(os.wait()[1])
