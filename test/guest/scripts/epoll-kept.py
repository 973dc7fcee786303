# Epoll sets in every state that a member can be in: waited on, reported, not reported yet, spent, nested.
import os, select, sys

def say(text):
    # One write(2) a line, whatever PYTHONUNBUFFERED says.
    os.write(1, (text + '\n').encode())

pipes = {name: os.pipe() for name in ('level', 'edge', 'pending', 'once', 'deep', 'awaited')}
ends = {pipes[name][0]: name for name in pipes}
settled, nested, outer, awaited = (select.epoll() for _ in range(4))
ends[nested.fileno()] = 'nested'

def put(name):
    os.write(pipes[name][1], b'x')

def ready(epoll):
    return sorted(ends[fd] for fd, _ in epoll.poll(0))

settled.register(pipes['level'][0], select.EPOLLIN)
settled.register(pipes['edge'][0], select.EPOLLIN | select.EPOLLET)
settled.register(pipes['once'][0], select.EPOLLIN | select.EPOLLONESHOT)
nested.register(pipes['deep'][0], select.EPOLLIN)
outer.register(nested.fileno(), select.EPOLLIN)
awaited.register(pipes['awaited'][0], select.EPOLLIN | select.EPOLLET)
for name in ('level', 'edge', 'once'):
    put(name)
say(f'before: {ready(settled)}')
settled.register(pipes['pending'][0], select.EPOLLIN | select.EPOLLET)
put('pending')

child = os.fork()
if child == 0:
    found = [ends[fd] for fd, _ in awaited.poll()]
    say(f'the child was woken by {found}')
    os._exit(0)
say('ready')
sys.stdin.readline()
say(f'an edge that was not reported yet is: {ready(settled)}')
say(f'once: {ready(settled)}')
put('edge')
say(f'a new edge: {ready(settled)}')
settled.modify(pipes['once'][0], select.EPOLLIN | select.EPOLLONESHOT)
say(f'armed anew: {ready(settled)}')
say(f'nested, nothing: {ready(outer)}')
put('deep')
say(f'nested: {ready(outer)} {ready(nested)}')
settled.unregister(pipes['level'][0])
say(f'without the level: {ready(settled)}')
put('awaited')
os.waitpid(child, 0)
say('done')
