/* Pseudoterminals: the line discipline, both sides' ends, packet mode, sessions and job control. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>

#include "check.h"

static int master, slave;
static FILE *saved;

static void print_bytes(const char *what, const unsigned char *p, long n) {
  printf("%s: %ld \"", what, n);
  for (long i = 0; i < n; i++) {
    if (p[i] >= 32 && p[i] < 127 && p[i] != '\\') putchar(p[i]);
    else printf("\\%03o", p[i]);
  }
  printf("\"\n");
}

static void get(const char *what, int fd, int max) {
  unsigned char buffer[8192];
  errno = 0;
  long n = read(fd, buffer, max);
  if (n < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else if (n > 200) printf("%s: %ld, ends in %c%c\n", what, n, buffer[n - 2], buffer[n - 1] == '\n' ? 'N' : buffer[n - 1]);
  else print_bytes(what, buffer, n);
}

/* What the terminal shows by now. */
static void screen(const char *what) {
  sleep_ms(8);
  int left = 0;
  unsigned char buffer[8192];
  ioctl(master, FIONREAD, &left);
  long n = left > 0 ? read(master, buffer, sizeof buffer) : 0;
  if (n > 200) printf("%s: %ld shown\n", what, n);
  else print_bytes(what, buffer, n);
}

static void type(const char *text) {
  write(master, text, strlen(text));
  sleep_ms(8);
}

static void readable(const char *what, int fd) {
  int n = -1;
  ioctl(fd, FIONREAD, &n);
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&p, 1, 0);
  printf("%s: %d bytes, poll %x\n", what, n, p.revents);
}

static struct termios fresh;

static void flags(tcflag_t on, tcflag_t off) {
  struct termios t = fresh;
  t.c_lflag = (t.c_lflag | on) & ~off;
  tcsetattr(slave, TCSANOW, &t);
}

static void raw(int min, int time) {
  struct termios t = fresh;
  cfmakeraw(&t);
  t.c_cc[VMIN] = min;
  t.c_cc[VTIME] = time;
  tcsetattr(slave, TCSANOW, &t);
}

static void open_pair(void) {
  if (openpty(&master, &slave, NULL, NULL, NULL)) printf("openpty: %s\n", strerrorname_np(errno));
  tcgetattr(slave, &fresh);
}

static void close_pair(void) {
  close(slave);
  close(master);
}

static void opening(void) {
  int m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int n = -1, lock = -1;
  SHOW(ioctl(m, TIOCGPTN, &n));
  SHOW(ioctl(m, TIOCGPTLCK, &lock));
  printf("locked %d\n", lock);
  char name[40];
  snprintf(name, sizeof name, "/dev/pts/%d", n);
  SHOW(open(name, O_RDWR | O_NOCTTY));
  SHOW(unlockpt(m));
  int s = open(name, O_RDWR | O_NOCTTY);
  printf("opened %d, named %d, tty %d %d\n", s >= 0, strcmp(ttyname(s), name), isatty(s), isatty(m));
  struct stat st;
  fstat(s, &st);
  printf("mode %o device %u:%d size %ld\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev) == n, (long)st.st_size);
  int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  printf("peer %d\n", peer >= 0 && !strcmp(ttyname(peer), name));
  SHOW(lseek(s, 0, SEEK_SET));
  SHOW(pread(s, name, 1, 0));
  int pgrp = -1;
  SHOW(ioctl(s, TIOCGPGRP, &pgrp));
  SHOW(ioctl(m, TIOCGPGRP, &pgrp));
  printf("pgrp %d\n", pgrp);
  SHOW(ioctl(s, TIOCGSID, &pgrp));
  SHOW(ioctl(m, TIOCGSID, &pgrp));
  SHOW(ioctl(s, TIOCGPTN, &n));
  SHOW(ioctl(s, TIOCEXCL, 0));
  SHOW(ioctl(s, TIOCGEXCL, &n));
  printf("exclusive %d\n", n);
  SHOW(ioctl(s, 0x5499, 0));
  close(peer);
  close(s);
  close(m);
  SHOW(access(name, F_OK));
}

static void canonical(void) {
  open_pair();
  printf("flags %o %o %o %o speed %d %d\n", fresh.c_iflag, fresh.c_oflag, fresh.c_cflag, fresh.c_lflag,
         cfgetispeed(&fresh) == B38400, cfgetospeed(&fresh) == B38400);
  for (int i = 0; i < 17; i++) printf("%o ", fresh.c_cc[i]);
  printf("\n");
  fcntl(slave, F_SETFL, O_NONBLOCK);
  get("nothing", slave, 10);
  type("abc");
  readable("unfinished", slave);
  get("unfinished", slave, 10);
  type("d\n");
  readable("finished", slave);
  get("part", slave, 3);
  get("rest", slave, 10);
  screen("echo");
  type("one\ntwo\nthree");
  get("line", slave, 100);
  get("line", slave, 100);
  get("line", slave, 100);
  type("\004");
  get("cut by EOF", slave, 100);
  type("\004");
  get("EOF", slave, 100);
  get("after EOF", slave, 100);
  type("abc\004");
  get("exactly", slave, 3);
  get("then", slave, 3);
  type("a\004b\n");
  readable("two parts", slave);
  get("first", slave, 10);
  get("second", slave, 10);
  screen("echo");
  type("x\r\ny\r");
  get("CR", slave, 10);
  get("CR", slave, 10);
  get("CR", slave, 10);
  screen("echo CR");
  type("\001\002\033[A\t\200\n");
  get("controls", slave, 20);
  screen("echo controls");
  type("\026\003\026\n\026\177z\n");
  get("literal", slave, 20);
  get("literal", slave, 20);
  screen("echo literal");
  type("ab\022c\n");
  get("reprint", slave, 20);
  screen("echo reprint");
  char big[5001];
  memset(big, 'a', 5000);
  big[5000] = 0;
  type(big);
  readable("too long", slave);
  type("bc\n");
  readable("too long, ended", slave);
  get("too long", slave, 8000);
  screen("echo long");
  close_pair();
}

static void erasing(void) {
  open_pair();
  fcntl(slave, F_SETFL, O_NONBLOCK);
  const char *const edits[] = {"abc\177\177x\n", "one two_3  \027\027x\n", "a.b-c \027x\n", "abc\025x\n",
                               "\177\027\025x\n", "a\tb\177\177x\n", "\t\t\177\177x\n", "\001\002\177x\n",
                               "\001\t\177x\n", "abc\n\177d\n", "\303\244\177x\n"};
  struct { const char *name; tcflag_t on, off; } modes[] = {
    {"usual", 0, 0}, {"no ECHOE", 0, ECHOE}, {"ECHOPRT", ECHOPRT, 0}, {"no ECHOKE", 0, ECHOKE},
    {"no ECHOK", 0, ECHOK | ECHOKE}, {"no ECHOCTL", 0, ECHOCTL}, {"no ECHO", 0, ECHO},
    {"ECHONL", ECHONL, ECHO}, {"no IEXTEN", 0, IEXTEN}};
  for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++) {
    printf("%s\n", modes[m].name);
    flags(modes[m].on, modes[m].off);
    for (unsigned i = 0; i < sizeof edits / sizeof *edits; i++) {
      type(edits[i]);
      get("  got", slave, 100);
      screen("  echo");
      tcflush(slave, TCIFLUSH);
    }
  }
  flags(0, 0);
  struct termios t = fresh;
  t.c_iflag |= IUTF8;
  tcsetattr(slave, TCSANOW, &t);
  type("a\303\244\342\202\254\177\177x\n");
  get("UTF-8", slave, 100);
  screen("echo UTF-8");
  write(slave, "prompt> ", 8);
  type("\tq\177\177\n");
  get("tab after prompt", slave, 100);
  screen("echo tab");
  close_pair();
}

static void processing(void) {
  open_pair();
  fcntl(slave, F_SETFL, O_NONBLOCK);
  struct { const char *name; tcflag_t i, o; } modes[] = {
    {"none", 0, 0}, {"INLCR", INLCR, OPOST}, {"IGNCR", IGNCR, OPOST | OCRNL}, {"ISTRIP", ISTRIP, OPOST | ONLRET},
    {"IUCLC", IUCLC, OPOST | OLCUC}, {"PARMRK", PARMRK, OPOST | ONOCR}, {"XTABS", ICRNL, OPOST | ONLCR | XTABS}};
  for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++) {
    struct termios t = fresh;
    t.c_iflag = modes[m].i;
    t.c_oflag = modes[m].o;
    tcsetattr(slave, TCSANOW, &t);
    type("Ab\301\377\r\n");
    printf("%s\n", modes[m].name);
    get("  in", slave, 100);
    screen("  echo");
    write(slave, "\rA\tbc\b\n\r\td\xe4\r\n", 14);
    screen("  out");
    tcflush(slave, TCIOFLUSH);
  }
  struct termios t = fresh;
  t.c_cc[VEOL] = 'E';
  t.c_cc[VEOL2] = 'F';
  t.c_cc[VERASE] = 'D';
  tcsetattr(slave, TCSANOW, &t);
  type("aDbEcFd\n");
  get("EOL", slave, 10);
  get("EOL2", slave, 10);
  get("newline", slave, 10);
  screen("echo EOL");
  close_pair();
}

static void unlined(void) {
  char buffer[100];
  open_pair();
  type("half");
  raw(1, 0);
  get("typed before raw", slave, 100);
  type("abc\003\n\004");
  get("raw", slave, 100);
  screen("no echo");
  type("left");
  tcsetattr(slave, TCSANOW, &fresh);
  readable("canonical again", slave);
  get("canonical again", slave, 100);
  tcsetattr(slave, TCSANOW, &fresh);
  raw(0, 0);
  get("MIN 0 TIME 0", slave, 10);
  raw(0, 2);
  long long from = now_ms();
  get("MIN 0 TIME 2", slave, 10);
  long long took = now_ms() - from;
  printf("after %s\n", took >= 180 && took < 900 ? "0.2 s" : "another time");
  raw(5, 0);
  type("abc");
  readable("MIN 5", slave);
  if (fork() == 0) {
    sleep_ms(100);
    type("de");
    sleep_ms(100);
    type("fgh");
    _exit(0);
  }
  get("MIN 5", slave, 100);
  wait(NULL);
  get("the rest needs 5", slave, 3);
  raw(10, 1);
  type("xy");
  from = now_ms();
  get("MIN 10 TIME 1", slave, 100);
  took = now_ms() - from;
  printf("after %s\n", took >= 80 && took < 900 ? "0.1 s" : "another time");
  raw(5, 0);
  fcntl(slave, F_SETFL, O_NONBLOCK);
  type("ab");
  get("nonblocking below MIN", slave, 100);
  get("nonblocking, nothing", slave, 100);
  raw(0, 5);
  get("nonblocking with TIME", slave, 100);
  raw(0, 0);
  get("nonblocking MIN 0", slave, 100);
  SHOW(read(slave, buffer, 0));
  close_pair();
}

static void settings(const char *what) {
  struct termios t;
  tcgetattr(slave, &t);
  printf("%s: lflag %x iflag %x intr %d\n", what, t.c_lflag, t.c_iflag, t.c_cc[VINTR]);
}

static void locking(void) {
  /* struct termios of the kernel: shorter than libc's. */
  struct { tcflag_t iflag, oflag, cflag, lflag; cc_t line, cc[19]; } locked = {0}, got;
  open_pair();
  show("get", ioctl(master, TIOCGLCKTRMIOS, &got));
  printf("nothing is locked: %d\n", memcmp(&locked, &got, sizeof got));
  locked.lflag = ECHO | ICANON;
  locked.cc[VINTR] = 1;
  show("lock", ioctl(slave, TIOCSLCKTRMIOS, &locked));
  show("get again", ioctl(slave, TIOCGLCKTRMIOS, &got));
  printf("the same: %d\n", memcmp(&locked, &got, sizeof got));
  struct termios t = fresh;
  cfmakeraw(&t);
  t.c_cc[VINTR] = 'x';
  show("raw", tcsetattr(slave, TCSANOW, &t));
  settings("locked");
  memset(&locked, 0, sizeof locked);
  show("unlock", ioctl(master, TIOCSLCKTRMIOS, &locked));
  show("raw", tcsetattr(slave, TCSANOW, &t));
  settings("unlocked");
  show("bad address", ioctl(slave, TIOCSLCKTRMIOS, (void *)1));
  close_pair();
}

static void flow(void) {
  open_pair();
  fcntl(slave, F_SETFL, O_NONBLOCK);
  type("\023");
  readable("stopped", slave);
  SHOW(write(slave, "abc", 3));
  type("q");
  screen("stopped");
  type("\021");
  readable("started", slave);
  screen("echo comes now");
  SHOW(write(slave, "abc", 3));
  screen("written");
  SHOW(tcflow(slave, TCOOFF));
  type("\021");
  SHOW(write(slave, "abc", 3));
  SHOW(tcflow(slave, TCOON));
  SHOW(write(slave, "abc", 3));
  SHOW(tcflow(slave, TCIOFF));
  SHOW(tcflow(slave, TCION));
  screen("with START and STOP");
  SHOW(tcflow(slave, 9));
  SHOW(tcflush(slave, 9));
  type("gone\n");
  SHOW(tcflush(slave, TCIFLUSH));
  get("flushed", slave, 10);
  SHOW(tcdrain(slave));
  SHOW(tcsendbreak(slave, 0));
  struct termios t = fresh;
  t.c_iflag |= IXANY;
  tcsetattr(slave, TCSANOW, &t);
  screen("before IXANY");
  type("\023a");
  readable("IXANY", slave);
  int n = -1;
  SHOW(ioctl(slave, TIOCOUTQ, &n));
  printf("queued %d\n", n);
  close_pair();
}

static void packets(void) {
  open_pair();
  int on = 1, is = -1;
  SHOW(ioctl(slave, TIOCPKT, &on));
  SHOW(ioctl(master, TIOCPKT, &on));
  SHOW(ioctl(master, TIOCGPKT, &is));
  printf("packet mode %d\n", is);
  write(slave, "data", 4);
  sleep_ms(8);
  get("data", master, 100);
  type("\023");
  readable("stop", master);
  get("stop", master, 100);
  type("\021");
  get("start", master, 100);
  tcflush(slave, TCIFLUSH);
  get("flush read", master, 100);
  tcflush(slave, TCOFLUSH);
  get("flush write", master, 100);
  struct termios t = fresh;
  t.c_iflag &= ~IXON;
  tcsetattr(slave, TCSANOW, &t);
  get("no stop", master, 100);
  tcsetattr(slave, TCSANOW, &fresh);
  get("do stop", master, 100);
  t = fresh;
  t.c_lflag |= EXTPROC;
  tcsetattr(slave, TCSANOW, &t);
  get("external", master, 100);
  close_pair();
}

static void ends(void) {
  open_pair();
  fcntl(master, F_SETFL, O_NONBLOCK);
  get("master, nothing", master, 10);
  write(slave, "last words", 10);
  close(slave);
  sleep_ms(8);
  readable("slave closed", master);
  get("slave closed", master, 100);
  get("slave closed, drained", master, 100);
  readable("drained", master);
  SHOW(write(master, "typed\n", 6));
  slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  get("typed before the open", slave, 100);
  screen("echo of it");
  readable("open again", master);
  close(master);
  sleep_ms(8);
  readable("master closed", slave);
  get("master closed", slave, 10);
  SHOW(write(slave, "x", 1));
  SHOW(tcgetattr(slave, &fresh));
  SHOW(tcsetpgrp(slave, getpgrp()));
  close(slave);

  open_pair();
  if (fork() == 0) {
    close(slave);
    sleep_ms(100);
    _exit(0);
  }
  close(master);
  get("master closes while it waits", slave, 10);
  wait(NULL);
  close(slave);
  open_pair();
  char page[4096];
  memset(page, 'p', sizeof page);
  fcntl(slave, F_SETFL, O_NONBLOCK);
  long total = 0, n;
  while ((n = write(slave, page, sizeof page)) > 0) total += n, sleep_ms(5);
  printf("a master that does not read: %s after %s\n", strerrorname_np(errno),
         total >= 4096 && total < 65536 ? "some" : "too much or too little");
  close_pair();
}

static volatile sig_atomic_t last;
static void note(int signo) { last = signo; }

static void catch(int signo) {
  struct sigaction a = {.sa_handler = note};
  sigaction(signo, &a, NULL);
}

static const char *happened(void) {
  static char text[40];
  snprintf(text, sizeof text, "%s", last ? sigabbrev_np(last) : "none");
  last = 0;
  return text;
}

/* In a session of its own, whose terminal is the slave. */
static void session(void) {
  open_pair();
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(setsid() == getpid());
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(ioctl(master, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    int tty = open("/dev/tty", O_RDWR);
    struct stat st;
    fstat(tty, &st);
    printf("/dev/tty %d, device %u:%u\n", tty >= 0, major(st.st_rdev), minor(st.st_rdev));
    SHOW(tcgetpgrp(slave) == getpgrp());
    SHOW(tcgetpgrp(master) == getpgrp());
    SHOW(tcgetsid(slave) == getsid(0));
    SHOW(tcsetpgrp(slave, -2));
    SHOW(tcsetpgrp(slave, 4000000));
    SHOW(tcsetpgrp(slave, getppid()));
    catch(SIGINT), catch(SIGQUIT), catch(SIGTSTP), catch(SIGWINCH), catch(SIGHUP), catch(SIGCONT);
    type("keep\n\003");
    printf("^C: %s\n", happened());
    fcntl(slave, F_SETFL, O_NONBLOCK);
    get("^C flushes", slave, 10);
    screen("echo ^C");
    type("\034");
    printf("^\\: %s\n", happened());
    type("\032");
    printf("^Z: %s\n", happened());
    flags(NOFLSH, ECHO);
    type("keep\n\003");
    printf("^C: %s\n", happened());
    get("NOFLSH", slave, 10);
    flags(0, ISIG);
    type("\003\n");
    printf("no ISIG: %s\n", happened());
    get("no ISIG", slave, 10);
    flags(0, 0);
    struct winsize size = {24, 80, 0, 0};
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    printf("size: %s\n", happened());
    SHOW(ioctl(slave, TIOCSWINSZ, &size));
    printf("same size: %s\n", happened());
    size.ws_row = 0;
    SHOW(ioctl(slave, TIOCGWINSZ, &size));
    printf("%dx%d\n", size.ws_row, size.ws_col);
    pid_t other = fork();
    if (other == 0) {
      setsid();
      SHOW(ioctl(slave, TIOCSCTTY, 0));
      SHOW(tcgetpgrp(slave));
      fflush(stdout);
      _exit(0);
    }
    waitpid(other, NULL, 0);
    SHOW(ioctl(slave, TIOCNOTTY, 0));
    printf("gave up: %s\n", happened());
    SHOW(ioctl(slave, TIOCNOTTY, 0));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(tcgetpgrp(slave));
    int again = open(ttyname(slave), O_RDWR);
    printf("opened: %d\n", tcgetpgrp(again) == getpgrp());
    close(master);
    sleep_ms(50);
    printf("hang-up: %s\n", happened());
    SHOW(open("/dev/tty", O_RDWR));
    fflush(stdout);
    _exit(3);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("leader: %x\n", status);
  close_pair();
}

static void report(const char *what, pid_t pid) {
  int status;
  waitpid(pid, &status, WUNTRACED);
  if (WIFSTOPPED(status)) printf("%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
  else if (WIFSIGNALED(status)) printf("%s: ended by %s\n", what, sigabbrev_np(WTERMSIG(status)));
  else printf("%s: exited with %d\n", what, WEXITSTATUS(status));
  fflush(stdout);
}

static int background_read(void) {
  char c;
  return read(slave, &c, 1) < 0 ? errno : c;
}
static int background_write(void) { return write(slave, "w", 1) < 0 ? errno : 0; }
static int background_set(void) { return tcsetattr(slave, TCSANOW, &fresh) < 0 ? errno : 0; }
static int background_take(void) { return tcsetpgrp(slave, getpgrp()) < 0 ? errno : 0; }

static pid_t in_background(int (*act)(void), int ignored, int blocked) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid) {
    setpgid(pid, pid);
    return pid;
  }
  setpgid(0, 0);
  if (ignored) signal(ignored, SIG_IGN);
  if (blocked) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, blocked);
    sigprocmask(SIG_BLOCK, &set, NULL);
  }
  _exit(act());
}

static void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

static void jobs(void) {
  open_pair();
  fflush(stdout);
  pid_t leader = fork();
  if (leader == 0) {
    login_tty(dup(slave));
    stdout = saved;
    struct { const char *name; int (*act)(void); int ignored, blocked; } cases[] = {
      {"read", background_read, 0, 0}, {"read, TTIN ignored", background_read, SIGTTIN, 0},
      {"read, TTIN blocked", background_read, 0, SIGTTIN}, {"write", background_write, 0, 0},
      {"set", background_set, 0, 0}, {"set, TTOU ignored", background_set, SIGTTOU, 0},
      {"take", background_take, 0, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
      pid_t pid = in_background(cases[i].act, cases[i].ignored, cases[i].blocked);
      report(cases[i].name, pid);
      end(pid);
    }
    flags(TOSTOP, 0);
    pid_t pid = in_background(background_write, 0, 0);
    report("write with TOSTOP", pid);
    SHOW(tcsetpgrp(slave, pid));
    kill(pid, SIGCONT);
    report("write in the foreground", pid);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(slave, getpgrp());
    pid = in_background(background_read, 0, 0);
    report("read", pid);
    tcsetpgrp(slave, pid);
    kill(pid, SIGCONT);
    type("A\n");
    report("read in the foreground", pid);
    tcsetpgrp(slave, getpgrp());
    signal(SIGTTOU, SIG_DFL);
    /* Nobody is left who could continue it. */
    int tell[2];
    pipe(tell);
    if (fork() == 0) {
      setpgid(0, 0);
      if (fork() == 0) {
        sleep_ms(100);
        int r = background_read(), s = background_set(), t = background_take();
        dprintf(tell[1], "orphan: %s %s %s\n", strerrorname_np(r), strerrorname_np(s), strerrorname_np(t));
        _exit(0);
      }
      _exit(0);
    }
    wait(NULL);
    close(tell[1]);
    char text[100];
    long n = read(tell[0], text, sizeof text);
    printf("%.*s", (int)n, text);
    /* The foreground hears of the leader's end. */
    pid = fork();
    if (pid == 0) {
      setpgid(0, 0);
      pause();
      _exit(0);
    }
    setpgid(pid, pid);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(slave, pid);
    printf("foreground set\n");
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(leader, &status, 0);
  printf("leader: %x\n", status);
  int pgrp = -1;
  SHOW(ioctl(master, TIOCGPGRP, &pgrp));
  printf("foreground %d\n", pgrp);
  close_pair();
}



int main(void) {
  limit_time(60);
  signal(SIGTTOU, SIG_DFL);
  /* login_tty takes 0 to 2; what is printed goes where it always went. */
  saved = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 100), "w");
  printf("-- opening\n"), opening();
  printf("-- canonical\n"), canonical();
  printf("-- erasing\n"), erasing();
  printf("-- processing\n"), processing();
  printf("-- raw\n"), unlined();
  printf("-- locking\n"), locking();
  printf("-- flow\n"), flow();
  printf("-- packets\n"), packets();
  printf("-- ends\n"), ends();
  printf("-- session\n"), session();
  printf("-- jobs\n"), jobs();
  return 0;
}
