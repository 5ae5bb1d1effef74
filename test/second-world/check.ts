// What a check in the second world is: a container's configuration and a shell script that fails when something is wrong.
import type { BundleConfig } from '../oci/bundle.ts';

export interface Check {
  /** The line that is printed, a sentence. */
  name: string;
  /** The container's command. */
  args: string[];
  change?: (config: BundleConfig) => void;
  /**
   * Run by `sh -e` in the machine, with the functions of guest.sh: `ts` is tsrunc, `launch` creates and starts the
   * container $ID from $BUNDLE, `value FILE` reads from its cgroup $CG, `expect IS WANTED` compares.
   */
  script: string;
}

export interface World {
  name: string;
  /** Words for the kernel's command line. */
  kernelArguments: string[];
  /** `busybox`: init is a shell script; `systemd`: systemd is pid 1 and the checks are a service of it. */
  init: 'busybox' | 'systemd';
  checks: Check[];
  /** Whether the machine has what ordinary-user.ts brings. */
  hasOrdinaryUser?: boolean;
  memoryMiB?: number;
  /** A shell script beside this file, read by guest.sh before the first check. */
  setting?: string;
  /** Fills the root of a disk that the machine finds at /dev/vda; programs whose libraries are to be there are its result. */
  fillDisk?: (root: string) => Promise<string[]>;
}
