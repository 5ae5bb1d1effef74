// unshare(1) for tsctl: replaces this process by tsrunc, which unshares and runs the program.
import { native } from './native.ts';

export interface UnshareOptions {
  namespaces: ('pid' | 'mount' | 'network' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time')[];
  /** Run the program as a child: with a new pid namespace it is then pid 1 inside. */
  fork: boolean;
  /** Mount a fresh /proc (implies a mount namespace). */
  mountProc: boolean;
  /** Map the caller to root in the new user namespace. */
  mapRootUser: boolean;
  argv: string[];
}

/** Never returns on success: execve. Throws ContainerError when tsrunc cannot be executed. */
export function execUnshare(options: UnshareOptions, tsrunc: string): never {
  native().execUnshare(options, tsrunc);
  throw new Error('unreachable: execve returned');
}
