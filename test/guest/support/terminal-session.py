"""Types at a shell that runs in a pseudoterminal, and prints what the terminal showed for each line.

usage: terminal-session.py COMMAND [ARG...]; the shell's prompt has to be 'P\\#> '. `killed` as the only
argument before the command: kills it instead, and says whether the terminal is usable afterwards.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

PATIENCE = 20
killed = sys.argv[1] == 'killed'
command = sys.argv[2:] if killed else sys.argv[1:]
# Held open, so that settings can be read when everybody else is gone.
master, slave = pty.openpty()
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 101, 0, 0))
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.execvp(command[0], command)

settings = termios.tcgetattr(slave)
shown = b''
lines = 1


def until(what):
    global shown
    end = time.time() + PATIENCE
    while what not in shown:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            shown += os.read(master, 4096)
        elif time.time() > end:
            print('no', what, 'but', shown)
            os.kill(pid, signal.SIGKILL)
            sys.exit(1)
    at = shown.index(what) + len(what)
    got, shown = shown[:at], shown[at:]
    return got


def enter(line, *keys):
    """A line, then keys, with time for the program to be there; up to the next prompt."""
    global lines
    os.write(master, line + b'\n')
    for key in keys:
        time.sleep(0.4)
        os.write(master, key)
    lines += 1
    got = until(b'P%d> ' % lines)
    print(re.sub(rb'\[1\] \d+', b'[1] PID', got.replace(b'\x1b[?2004h', b'').replace(b'\x1b[?2004l', b'')))


until(b'P1> ')
if killed:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    end = time.time() + PATIENCE
    usable = termios.ICANON | termios.ECHO | termios.ISIG
    while termios.tcgetattr(slave)[3] & usable != usable and time.time() < end:
        time.sleep(0.05)
    print('usable', termios.tcgetattr(slave)[3] & usable == usable)
    sys.exit()

enter(b'stty size; tty | cut -c1-9; stty -a | grep -c icanon')
enter(b'sleep 100', b'\x1a')
enter(b'jobs')
enter(b'bg')
enter(b'fg', b'\x03')
enter(b'cat', b'hello\n', b'\x04')
enter(b'cat & sleep .3')
enter(b'echo; jobs')
enter(b'kill -9 %1; sleep .2')
enter(b'stty -echo; read x', b'hidden\n')
enter(b'echo $x; stty echo')
enter(b'trap "stty size" WINCH')
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
time.sleep(0.5)
until(b'40 120')
os.write(master, b'exit 7\n')
_, status = os.waitpid(pid, 0)
print('status', os.waitstatus_to_exitcode(status))
print('settings', 'as before' if termios.tcgetattr(slave) == settings else 'changed')
