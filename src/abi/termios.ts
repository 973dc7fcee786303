/** ioctl_tty(2), termios(3): the kernel's structs, flag bits and request numbers. */
import { bytes, struct, u8, u16, u32 } from './struct.js';

export const NCCS = 19;
/** struct termios of the kernel (TCGETS), 36 bytes; libc's is longer. Field names are C's without c_. */
export const termios = struct('termios', {
  iflag: u32,
  oflag: u32,
  cflag: u32,
  lflag: u32,
  line: u8,
  cc: bytes(NCCS),
});
/** struct termios2 (TCGETS2). */
export const termios2 = struct('termios2', {
  iflag: u32,
  oflag: u32,
  cflag: u32,
  lflag: u32,
  line: u8,
  cc: bytes(NCCS),
  ispeed: u32,
  ospeed: u32,
});
/** struct termio of System V (TCGETA): the low halves of the flags, and a short c_cc. */
export const termio = struct('termio', {
  iflag: u16,
  oflag: u16,
  cflag: u16,
  lflag: u16,
  line: u8,
  cc: bytes(8),
});
/** Field names are C's without ws_. */
export const winsize = struct('winsize', { row: u16, col: u16, xpixel: u16, ypixel: u16 });

export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TCSETSW = 0x5403;
export const TCSETSF = 0x5404;
export const TCGETA = 0x5405;
export const TCSETA = 0x5406;
export const TCSETAW = 0x5407;
export const TCSETAF = 0x5408;
export const TCSBRK = 0x5409;
export const TCXONC = 0x540a;
export const TCFLSH = 0x540b;
export const TIOCEXCL = 0x540c;
export const TIOCNXCL = 0x540d;
export const TIOCSCTTY = 0x540e;
export const TIOCGPGRP = 0x540f;
export const TIOCSPGRP = 0x5410;
export const TIOCOUTQ = 0x5411;
export const TIOCSTI = 0x5412;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const FIONREAD = 0x541b;
export const TIOCCONS = 0x541d;
export const TIOCPKT = 0x5420;
export const FIONBIO = 0x5421;
export const TIOCNOTTY = 0x5422;
export const TIOCSETD = 0x5423;
export const TIOCGETD = 0x5424;
export const TCSBRKP = 0x5425;
export const TIOCGSID = 0x5429;
export const TCGETS2 = 0x802c_542a;
export const TCSETS2 = 0x402c_542b;
export const TCSETSW2 = 0x402c_542c;
export const TCSETSF2 = 0x402c_542d;
export const TIOCGPTN = 0x8004_5430;
export const TIOCSPTLCK = 0x4004_5431;
export const TIOCGDEV = 0x8004_5432;
export const TIOCVHANGUP = 0x5437;
export const TIOCGPKT = 0x8004_5438;
export const TIOCGPTLCK = 0x8004_5439;
export const TIOCGEXCL = 0x8004_5440;
export const TIOCGPTPEER = 0x5441;
export const FIONCLEX = 0x5450;
export const FIOCLEX = 0x5451;
export const FIOASYNC = 0x5452;
export const TIOCGLCKTRMIOS = 0x5456;
export const TIOCSLCKTRMIOS = 0x5457;
export const FIOQSIZE = 0x5460;
export const FIBMAP = 1;
export const FIGETBSZ = 2;
export const FS_IOC_GETFLAGS = 0x8008_6601;
export const FS_IOC_SETFLAGS = 0x4008_6602;
export const FS_IOC_FIEMAP = 0xc020_660b;
export const FICLONE = 0x4004_9409;
export const FICLONERANGE = 0x4020_940d;
export const BLKGETSIZE64 = 0x8008_1272;
export const ioctlRequests = {
  TCGETS,
  TCSETS,
  TCSETSW,
  TCSETSF,
  TCGETA,
  TCSETA,
  TCSETAW,
  TCSETAF,
  TCSBRK,
  TCXONC,
  TCFLSH,
  TIOCEXCL,
  TIOCNXCL,
  TIOCSCTTY,
  TIOCGPGRP,
  TIOCSPGRP,
  TIOCOUTQ,
  TIOCSTI,
  TIOCGWINSZ,
  TIOCSWINSZ,
  FIONREAD,
  TIOCCONS,
  TIOCPKT,
  FIONBIO,
  TIOCNOTTY,
  TIOCSETD,
  TIOCGETD,
  TCSBRKP,
  TIOCGSID,
  TCGETS2,
  TCSETS2,
  TCSETSW2,
  TCSETSF2,
  TIOCGPTN,
  TIOCSPTLCK,
  TIOCGDEV,
  TIOCVHANGUP,
  TIOCGPKT,
  TIOCGPTLCK,
  TIOCGEXCL,
  TIOCGPTPEER,
  FIONCLEX,
  FIOCLEX,
  FIOASYNC,
  TIOCGLCKTRMIOS,
  TIOCSLCKTRMIOS,
  FIOQSIZE,
  FIBMAP,
  FIGETBSZ,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  FS_IOC_FIEMAP,
  FICLONE,
  FICLONERANGE,
  BLKGETSIZE64,
} as const;

/** tcflow(3), tcflush(3): arguments of TCXONC and TCFLSH. */
export const TCOOFF = 0;
export const TCOON = 1;
export const TCIOFF = 2;
export const TCION = 3;
export const TCIFLUSH = 0;
export const TCOFLUSH = 1;
export const TCIOFLUSH = 2;

/** What a master in packet mode reads first, ioctl_tty(2). */
export const TIOCPKT_DATA = 0;
export const TIOCPKT_FLUSHREAD = 1;
export const TIOCPKT_FLUSHWRITE = 2;
export const TIOCPKT_STOP = 4;
export const TIOCPKT_START = 8;
export const TIOCPKT_NOSTOP = 16;
export const TIOCPKT_DOSTOP = 32;
export const TIOCPKT_IOCTL = 64;

/** c_iflag */
export const IGNBRK = 0o1;
export const BRKINT = 0o2;
export const IGNPAR = 0o4;
export const PARMRK = 0o10;
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IUCLC = 0o1000;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IXOFF = 0o10000;
export const IMAXBEL = 0o20000;
export const IUTF8 = 0o40000;
/** c_oflag */
export const OPOST = 0o1;
export const OLCUC = 0o2;
export const ONLCR = 0o4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
export const TABDLY = 0o14000;
export const XTABS = 0o14000;
/** c_cflag */
export const CSIZE = 0o60;
export const CS8 = 0o60;
export const CREAD = 0o200;
export const PARENB = 0o400;
export const HUPCL = 0o2000;
export const CBAUD = 0o10017;
export const B38400 = 0o17;
/** c_lflag */
export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOPRT = 0o2000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;
export const EXTPROC = 0o200000;
/** Indices into c_cc. */
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VDISCARD = 13;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;
