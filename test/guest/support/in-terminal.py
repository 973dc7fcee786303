"""Runs a command with a pseudoterminal as its standard streams, on which an end of file is typed, and prints what
that showed; ends as it does.

usage: in-terminal.py COMMAND [ARG...]
"""
import os, pty, sys

pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
os.write(master, b'\x04')
shown = b''
while True:
    try:
        piece = os.read(master, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
_, status = os.waitpid(pid, 0)
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(status))
