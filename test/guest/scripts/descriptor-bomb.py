# Uses up what descriptors the host has: by large files in memory, then by processes. Both can be had again.
import errno, os, resource, signal


def until_refused(make):
    made = []
    while True:
        try:
            made.append(make())
        except OSError as e:
            print(errno.errorcode[e.errno], flush=True)
            return made


def large_file():
    fd = os.memfd_create('large')
    os.posix_fallocate(fd, 0, 1 << 43)
    return fd


def sleeper():
    child = os.fork()
    if child == 0:
        signal.pause()
    return child


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for fd in until_refused(large_file):
    os.close(fd)
for child in until_refused(sleeper):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
if os.fork() == 0:
    os._exit(0)
print(os.wait()[1])
