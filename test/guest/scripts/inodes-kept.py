# Which file is which, by several ways to each: a directory of the host is at argv[1].
import os, sys

def say(text):
    os.write(1, (text + '\n').encode())

shared = sys.argv[1]
own = '/tmp/inodes'
os.mkdir(own)
for path in (f'{shared}/file', f'{own}/file'):
    with open(path, 'w') as f:
        f.write('first\n')
    os.link(path, path + '-linked')
os.symlink('file', f'{own}/symlink')
os.mkfifo(f'{own}/fifo')
os.chmod('/etc/hostname', 0o640)     # a file of the host, changed in the sandbox only
os.chmod(f'{shared}/file', 0o604)

fds = {path: os.open(path, flags) for path, flags in (
    (f'{shared}/file', os.O_RDWR), (f'{own}/file', os.O_RDWR), (f'{own}/fifo', os.O_RDWR),
    ('/etc/hostname', os.O_RDONLY), ('/etc/passwd', os.O_RDONLY), (own, os.O_RDONLY), (shared, os.O_RDONLY))}
gone = os.open(f'{own}/gone', os.O_RDWR | os.O_CREAT)
os.write(gone, b'unlinked\n')
os.unlink(f'{own}/gone')
moved = os.open(f'{shared}/moved', os.O_RDWR | os.O_CREAT)
os.rename(f'{shared}/moved', f'{shared}/moved-away')
os.chdir(own)

def identity(st):
    return (st.st_dev, st.st_ino, st.st_nlink, oct(st.st_mode), st.st_uid, st.st_size)

def inodes():
    found = {path: identity(os.fstat(fd)) for path, fd in fds.items()}
    found['gone'] = identity(os.fstat(gone))
    found['moved'] = identity(os.fstat(moved))
    for path in [*fds, f'{shared}/file-linked', f'{own}/file-linked', 'symlink', '.', f'{shared}/moved-away', '/tmp', '/']:
        found['name of ' + path] = identity(os.stat(path))
    return found

before = inodes()
say('ready')
sys.stdin.readline()
after = inodes()
say(f'the same inodes: {before == after or [(k, before[k], after[k]) for k in before if before[k] != after[k]]}')
for path in (f'{shared}/file', f'{own}/file'):
    os.write(fds[path], b'second\n')
    one, other = open(path).read(), open(path + '-linked').read()
    say(f'one file by its descriptor and both its names: {one == other} {one!r}')
os.write(moved, b'written\n')
say(f'moved: {open(shared + "/moved-away").read()!r}')
say(f'unlinked: {os.pread(gone, 100, 0)!r} {os.fstat(gone).st_nlink}')
