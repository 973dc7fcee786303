"""Holds files of a folder in every way, waits for a line, and says what each of them is good for then."""
import errno, mmap, os, sys

folder, single = sys.argv[1:]


def say(what, act):
    try:
        result = act()
    except OSError as e:
        result = errno.errorcode[e.errno]
    os.write(1, f'{what}: {result}\n'.encode())


def killed(act):
    """The signal that ends a child which does that, or 0."""
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


data = os.open(f'{folder}/data', os.O_RDONLY)
log = os.open(f'{folder}/log', os.O_WRONLY)
directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
private = mmap.mmap(data, 4 * 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
shared = mmap.mmap(data, 4096, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
private[4096:4099] = b'new'
private[0], shared[0]
os.chdir(folder)
os.write(log, b'before\n')
os.write(1, b'ready\n')
os.read(0, 100)

say('the folder', lambda: os.stat(folder) and 'there')
say('what is in it', lambda: os.listdir(folder))
say('what is in the open folder', lambda: os.listdir(directory))
say('a file', lambda: os.stat(f'{folder}/data'))
say('a file of the working directory', lambda: os.stat('data'))
say('open', lambda: os.open(f'{folder}/data', os.O_RDONLY))
say('make', lambda: os.open(f'{folder}/made', os.O_CREAT | os.O_WRONLY))
say('chmod', lambda: os.chmod(folder, 0o700))
say('the single file', lambda: os.open(single, os.O_RDONLY))
say('fstat', lambda: os.fstat(data).st_size)
say('seek', lambda: os.lseek(data, 0, os.SEEK_END))
say('read', lambda: os.pread(data, 10, 0))
say('write', lambda: os.write(log, b'after\n'))
say('fsync', lambda: os.fsync(log))
say('a page that was written', lambda: private[4096:4100])
say('written again', lambda: private.__setitem__(4100, 33) or private[4096:4101])
say('a page that was not', lambda: killed(lambda: private[0]))
say('nor this one', lambda: killed(lambda: private.__setitem__(8192, 1)))
say('a shared page', lambda: killed(lambda: shared[0]))
say('a new mapping', lambda: killed(lambda: mmap.mmap(data, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)[0]))
os.close(data)
say('closed', lambda: os.read(data, 1))
