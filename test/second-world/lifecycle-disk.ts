// The disk of a machine that runs our daemons and, beside them, Debian's containerd with its ctr and runc.
import { copyFileSync, cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { busyboxArchive } from '../harness/images.ts';
import { binDirectory } from '../harness/repository.ts';

const debianPrograms = ['/usr/bin/ctr', '/usr/bin/containerd', '/usr/bin/containerd-shim-runc-v2', '/usr/sbin/runc'];

/** First in our daemon's PATH: a criu that says when it is called, and waits as long as a file asks for it. */
const slowCriu = `#!/bin/sh
[ -e /tmp/slow-criu ] && : >/tmp/criu-waits
while [ -e /tmp/slow-criu ]; do sleep 0.1; done
exec /sbin/criu "$@"
`;

/** Gives the programs and libraries whose own libraries the machine needs. */
export async function fillLifecycleDisk(root: string): Promise<string[]> {
  const library = join(binDirectory, '../lib');
  for (const directory of ['bin', 'dist/bin', 'dist/lib/node-bin', 'own-shim-as-runc'])
    mkdirSync(join(root, directory), { recursive: true });
  const node = realpathSync(join(library, 'node-bin/tscontainerd'));
  copyFileSync(node, join(root, 'node'));
  for (const name of readdirSync(binDirectory)) copyFileSync(join(binDirectory, name), join(root, 'dist/bin', name));
  for (const name of readdirSync(join(library, 'node-bin')))
    symlinkSync('../../../node', join(root, 'dist/lib/node-bin', name));
  for (const name of ['protos', ...readdirSync(library).filter((name) => /\.(mjs|node|tar)$/.test(name)), 'tsinit'])
    cpSync(join(library, name), join(root, 'dist/lib', name), { recursive: true });
  for (const program of debianPrograms) copyFileSync(program, join(root, 'bin', basename(program)));
  symlinkSync('../dist/bin/containerd-shim-ts-v2', join(root, 'own-shim-as-runc/containerd-shim-runc-v2'));
  writeFileSync(join(root, 'own-shim-as-runc/criu'), slowCriu, { mode: 0o755 });
  copyFileSync(await busyboxArchive(), join(root, 'busybox.tar'));
  return [...debianPrograms, node, join(library, 'runtime.node')];
}
