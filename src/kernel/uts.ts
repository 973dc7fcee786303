/** UTS namespace: what uname(2) and sethostname(2) see. */
export interface UtsNamespace {
  sysname: string;
  nodename: string;
  release: string;
  version: string;
  machine: string;
  domainname: string;
}

/** A recent kernel's name: test suites and programs skip features when it is old. */
export function newUtsNamespace(hostname: string, domainname = '(none)'): UtsNamespace {
  return {
    sysname: 'Linux',
    nodename: hostname,
    release: '6.12.0-troupe',
    version: '#1 SMP PREEMPT_DYNAMIC troupe',
    machine: 'x86_64',
    domainname,
  };
}
