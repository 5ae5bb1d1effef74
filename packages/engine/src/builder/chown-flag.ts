// `--chown=user[:group]` of COPY and ADD: names are looked up in the image that is copied to.
import { readFilesInRoot } from '@tscontainer/linux/mounts';
import { buildFailure } from './build-failure.ts';
import type { Owner } from './copy-files.ts';

const maxFileBytes = 1024 * 1024;

/** A user without a group is its own group too. Rejects invalid-argument. */
export async function resolveChown(root: string, text: string): Promise<Owner> {
  const [user = '', group = user, more] = text.split(':');
  if (more !== undefined) throw failure(`invalid chown string format: ${text}`);
  const [passwd = null, groups = null] = await readFilesInRoot(root, ['/etc/passwd', '/etc/group'], maxFileBytes);
  return { uid: idOf('user', user, passwd), gid: idOf('group', group, groups) };
}

function idOf(kind: 'user' | 'group', name: string, file: string | null): number {
  if (/^[+-]?\d+$/.test(name)) return Number(name);
  const idName = kind === 'user' ? 'uid' : 'gid';
  const line = (file ?? '').split('\n').find((entry) => entry.split(':', 1)[0] === name);
  if (line === undefined || name === '')
    throw failure(`can't find ${idName} for ${kind} ${name}: no such ${kind}: ${name}`);
  return Number(line.split(':')[2] ?? 0);
}

function failure(why: string) {
  return buildFailure(`unable to convert uid/gid chown string to host mapping: ${why}`);
}
