# Opens one of everything, says "ready", waits for a line, and looks whether all is as it was.
import array, ctypes, fcntl, mmap, os, pty, select, signal, socket, struct, sys, tempfile, threading, time

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
libc = ctypes.CDLL(None, use_errno=True)
checks = []


def check(name, what):
    checks.append((name, what))


# Pipes with bytes in them; one whose writer has gone.
r, w = os.pipe()
os.write(w, b"in the pipe")
r2, w2 = os.pipe()
os.write(w2, b"last words")
os.close(w2)
check("pipe", lambda: os.read(r, 100))
check("pipe, end", lambda: (os.read(r2, 100), os.read(r2, 100)))

# A write that waits for room, and how much of it had been taken.
fr, fw = os.pipe()
wrote = []
big = bytes(i % 251 for i in range(300_000))
writer = threading.Thread(target=lambda: wrote.append(os.write(fw, big)))
writer.start()


def drain():
    got = b""
    while len(got) < len(big):
        got += os.read(fr, 65536)
    writer.join()
    return got == big, wrote, select.select([fr], [], [], 0)[0]


check("blocked write", drain)

# Files: unlinked and open, in memory, mapped and shared with a child, appended, positions shared by dup.
d = tempfile.mkdtemp()
f = os.open(d + "/gone", os.O_RDWR | os.O_CREAT)
os.write(f, b"unlinked, still here")
os.unlink(d + "/gone")
check("unlinked file", lambda: (os.pread(f, 100, 0), os.fstat(f).st_nlink))
g = os.dup(f)
os.lseek(f, 9, os.SEEK_SET)
check("shared position", lambda: os.read(g, 6))
with open(d + "/kept", "w") as out:
    out.write("a" * 5000)
os.symlink("kept", d + "/link")
os.mkfifo(d + "/fifo")
check("names", lambda: (sorted(os.listdir(d)), os.readlink(d + "/link"), os.stat(d + "/link").st_size))
with open("/root-file" if os.access("/", os.W_OK) else d + "/root-file", "w") as out:
    out.write("made on the overlay")
    root_file = out.name
check("overlay", lambda: open(root_file).read())
big_file = os.open(d + "/big", os.O_RDWR | os.O_CREAT)
os.ftruncate(big_file, 3 << 20)
os.pwrite(big_file, b"far", 2 << 20)
check("large file", lambda: (os.pread(big_file, 3, 2 << 20), os.fstat(big_file).st_size))
m = os.memfd_create("mem")
os.write(m, b"memfd")
check("memfd", lambda: os.pread(m, 10, 0))
shared = mmap.mmap(-1, 8192)
shared[0:6] = b"shared"
private = mmap.mmap(big_file, 1 << 20, flags=mmap.MAP_PRIVATE)
private[4096:4103] = b"private"
check("private mapping", lambda: (private[4096:4103], os.pread(big_file, 7, 4096)))
mapped = mmap.mmap(big_file, 8192)
mapped[0:6] = b"mapped"
check("shared mapping", lambda: os.pread(big_file, 6, 0))

# A child that waits for a byte and answers through the shared memory.
cr, cw = os.pipe()
child = os.fork()
if child == 0:
    os.close(cw)
    os.read(cr, 1)
    shared[100:105] = b"child"
    os._exit(7)
os.close(cr)


def finish_child():
    os.write(cw, b"x")
    _, status = os.waitpid(child, 0)
    return shared[0:6], shared[100:105], os.waitstatus_to_exitcode(status)


check("child", finish_child)
zombie = os.fork()
if zombie == 0:
    os._exit(3)
os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
check("zombie", lambda: os.waitstatus_to_exitcode(os.waitpid(zombie, 0)[1]))
pidfd = os.pidfd_open(child)
check("pidfd", lambda: select.select([pidfd], [], [], 5)[0] == [pidfd])

# Event descriptors.
e = os.eventfd(41)
check("eventfd", lambda: os.eventfd_read(e))
TFD = libc.timerfd_create(1, 0)
libc.timerfd_settime(TFD, 0, struct.pack("qqqq", 0, 0, 0, 300_000_000), None)
check("timerfd", lambda: struct.unpack("Q", os.read(TFD, 8))[0])
mask = struct.pack("Q", 1 << (signal.SIGUSR2 - 1))
SFD = libc.signalfd(-1, mask, 0)
os.kill(os.getpid(), signal.SIGUSR2)
check("signalfd", lambda: struct.unpack("I", os.read(SFD, 128)[:4])[0] == signal.SIGUSR2)
ep = select.epoll()
er, ew = os.pipe()
ep.register(er, select.EPOLLIN | select.EPOLLET)
os.write(ew, b"1")
inner = select.epoll()
inner.register(ep.fileno(), select.EPOLLIN)
check("epoll", lambda: (len(inner.poll(5)), ep.poll(5) == [(er, select.EPOLLIN)], ep.poll(0)))

# Sockets: a stream with data and a descriptor in flight, datagrams, names, TCP on loopback.
a, b = socket.socketpair()
socket.send_fds(a, [b"with a file"], [f])
a.send(b", more")


def receive():
    data, fds, _, _ = socket.recv_fds(b, 11, 4)
    return data, b.recv(100), os.pread(fds[0], 8, 0)


check("unix stream", receive)
named = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
named.bind(d + "/socket")
named.settimeout(5)


def datagram():
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.connect(d + "/socket")
    other.send(b"to a name")
    return named.recv(100)


check("unix name", datagram)
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(5)
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
client.sendall(b"over tcp")
waiting = socket.create_connection(listener.getsockname())
waiting.sendall(b"in the backlog")
check("tcp", lambda: (server.recv(100), server.send(b"back"), client.recv(100)))
check("tcp backlog", lambda: listener.accept()[0].recv(100))
check("tcp later", lambda: (socket.create_connection(listener.getsockname()).send(b"x"), len(listener.accept())))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
u.settimeout(5)
u.sendto(b"udp", u.getsockname())
check("udp", lambda: u.recv(100))

# A terminal with its settings, and what was typed.
master, slave = pty.openpty()
attributes = list(__import__("termios").tcgetattr(slave))
attributes[3] &= ~__import__("termios").ECHO
__import__("termios").tcsetattr(slave, 0, attributes)
fcntl.ioctl(slave, 0x5414, struct.pack("HHHH", 33, 44, 0, 0))
os.write(master, b"typed\n")
check(
    "pty",
    lambda: (
        os.read(slave, 100),
        struct.unpack("HHHH", fcntl.ioctl(slave, 0x5413, b"\0" * 8))[:2],
        __import__("termios").tcgetattr(slave)[3] & __import__("termios").ECHO,
        os.ttyname(slave) == "/dev/pts/" + os.ttyname(slave).split("/")[-1],
        os.write(slave, b"shown"),
        os.read(master, 100),
    ),
)

# Locks, the working directory, limits, masks, handlers, timers.
fcntl.flock(big_file, fcntl.LOCK_EX)


def locked():
    other = os.open(d + "/big", os.O_RDWR)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return "not locked"
    except BlockingIOError:
        return "locked"


check("flock", locked)
os.chdir(d)
check("directory", lambda: os.getcwd() == d)
os.umask(0o37)
check("umask", lambda: oct(os.umask(0)))
status = open("/proc/self/status")
check("/proc", lambda: status.read().split()[:2])
devnull = open("/dev/null", "w")
check("/dev/null", lambda: devnull.write("x"))
ticks = []
signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)


def alarms():
    while len(ticks) < 2:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return "two alarms"


check("alarms", alarms)

# Threads that wait in the kernel: for a lock, for time.
lock = threading.Lock()
lock.acquire()
order = []


def waits():
    with lock:
        order.append("lock")


def sleeps():
    time.sleep(0.5)
    order.append("slept")


threads = [threading.Thread(target=t) for t in (waits, sleeps)]
for t in threads:
    t.start()


def join():
    threads[1].join()
    lock.release()
    threads[0].join()
    return order


check("threads", join)
check("monotonic", lambda: 0 <= time.monotonic() - started < 60)
started = time.monotonic()

print("ready", flush=True)
sys.stdin.readline()
for name, what in checks:
    try:
        print(f"{name}: {what()}", flush=True)
    except Exception as error:
        print(f"{name}: {error!r}", flush=True)
os._exit(0)
