/** personality(2): linux/personality.h. */
const ADDR_COMPAT_LAYOUT = 0x200000;
const MMAP_PAGE_ZERO = 0x100000;
const READ_IMPLIES_EXEC = 0x400000;
export const ADDR_NO_RANDOMIZE = 0x40000;

/** What a program does without that runs with other ids than its caller. */
export const PER_CLEAR_ON_SETID = READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO;
