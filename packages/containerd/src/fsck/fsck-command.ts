// `tscontainerd fsck`: says, and with --repair mends, what a damaged disk has left below the root directory.
//
// Exit codes are fsck(8)'s: 0 nothing found, 1 all of it mended, 4 something left as it is, 8 the check itself failed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from '@tscontainer/platform/store';
import { parseCommandLine } from '../daemon-config.ts';
import { lockRoot } from '../daemon-lock.ts';
import { schema } from '../metadata/schema.ts';
import { checkContent } from './content-check.ts';
import { checkDatabase } from './database-check.ts';
import { FindingList } from './finding.ts';
import { checkReferences } from './reference-check.ts';
import { checkSnapshots } from './snapshot-check.ts';

export interface FsckOptions {
  root: string;
  isRepairing: boolean;
  /** The bytes of blobs are not read. */
  isQuick: boolean;
  say: (line: string) => void;
}

/** Resolves with the findings. Throws already-exists while a daemon runs on the root. */
export async function checkRoot({ root, isRepairing, isQuick, say }: FsckOptions): Promise<FindingList['all']> {
  const unlock = lockRoot(root);
  try {
    const findings = new FindingList(isRepairing, say);
    const database = join(root, 'meta.db');
    if (!(await checkDatabase(database, findings)) || !existsSync(database)) return findings.all;
    const store = new Store(database, schema);
    try {
      const content = join(root, 'io.containerd.content.v1.content');
      await checkContent(store, content, isQuick, findings);
      for (const name of ['overlayfs', 'native', 'erofs'])
        await checkSnapshots(store, name, join(root, `io.containerd.snapshotter.v1.${name}`), findings);
      await checkReferences(store, content, findings);
    } finally {
      store.close();
    }
    return findings.all;
  } finally {
    unlock();
  }
}

/** `args` without the word fsck: `--repair`, `--quick`, and the daemon's own --root and --config. */
export async function fsckCommand(args: string[], say: (line: string) => void): Promise<number> {
  const own = ['--repair', '--quick'];
  const commandLine = await parseCommandLine(args.filter((word) => !own.includes(word)));
  if (commandLine.action !== 'serve') {
    say('Usage: tscontainerd fsck [--repair] [--quick] [--root DIR] [--config FILE]');
    return 0;
  }
  const { root } = commandLine.config;
  if (!existsSync(root)) {
    say(`${root}: not there`);
    return 8;
  }
  const isRepairing = args.includes('--repair');
  const found = await checkRoot({ root, isRepairing, isQuick: args.includes('--quick'), say });
  if (found.length === 0) say(`${root}: nothing found`);
  return found.length === 0 ? 0 : found.every(({ isMended }) => isMended) ? 1 : 4;
}
