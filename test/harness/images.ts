// Real images for the tests, made from Debian's packages: busybox (static) and a debootstrap Debian.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';

/** Kept between runs: making them takes long and they do not change. */
const cacheDirectory = '/var/cache/tscontainer-test';

const applets =
  'sh ash ls cat echo true false sleep id ps touch mkdir rm cp mv ln chmod chown stat df dd head tail wc grep sed awk sort uniq date hostname env printenv kill watch yes seq mount umount ip ifconfig nc wget vi top uname whoami readlink tty stty test expr basename dirname find xargs tee md5sum sha256sum tar gzip du free mknod ulimit nproc time timeout usleep'.split(
    ' ',
  );

export interface ArchiveOptions {
  reference: string;
  env?: string[];
  cmd: string[];
  /** Further fields of the image's configuration: Labels, WorkingDir, Volumes, User. */
  config?: Record<string, unknown>;
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Packs a root directory as a docker-archive with one layer. */
export async function packDockerArchive(root: string, archive: string, options: ArchiveOptions): Promise<void> {
  const work = mkdtempSync('/tmp/tsc-image-');
  try {
    await runOk(
      'tar',
      ['-C', root, '--numeric-owner', '--sort=name', '--mtime=@0', '-cf', join(work, 'layer.tar'), '.'],
      { timeoutMs: 300_000 },
    );
    const config = {
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...(options.env ?? [])],
        Cmd: options.cmd,
        ...options.config,
      },
      rootfs: {
        type: 'layers',
        diff_ids: [`sha256:${sha256(join(work, 'layer.tar'))}`],
      },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'test' }],
    };
    writeFileSync(join(work, 'config.json'), JSON.stringify(config));
    writeFileSync(
      join(work, 'manifest.json'),
      JSON.stringify([
        {
          Config: 'config.json',
          RepoTags: [options.reference],
          Layers: ['layer.tar'],
        },
      ]),
    );
    await runOk('tar', ['-C', work, '-cf', `${archive}.part`, 'manifest.json', 'config.json', 'layer.tar']);
    renameSync(`${archive}.part`, archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** docker-archive of `busybox:latest`; its path. */
export async function busyboxArchive(): Promise<string> {
  const archive = join(cacheDirectory, 'busybox.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(cacheDirectory, { recursive: true });
  const root = mkdtempSync('/tmp/tsc-busybox-');
  try {
    chmodSync(root, 0o755); // the image's / is for every user
    for (const directory of ['bin', 'etc', 'root', 'tmp', 'usr/bin', 'var', 'home/app'])
      mkdirSync(join(root, directory), { recursive: true });
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    );
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1000:\nwheel:x:10:app\nnogroup:x:65534:\n');
    writeFileSync(join(root, 'etc/not-executable'), 'no\n');
    await packDockerArchive(root, archive, {
      reference: 'busybox:latest',
      cmd: ['sh'],
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}

/** docker-archive of `debian:bookworm`, a debootstrap minbase; its path. Takes a minute the first time. */
export async function debianArchive(): Promise<string> {
  const archive = join(cacheDirectory, 'debian.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(cacheDirectory, { recursive: true });
  const root = mkdtempSync('/tmp/tsc-debian-');
  try {
    chmodSync(root, 0o755);
    await runOk('debootstrap', ['--variant=minbase', 'bookworm', root], {
      timeoutMs: 600_000,
    });
    rmSync(join(root, 'var/cache/apt/archives'), {
      recursive: true,
      force: true,
    });
    await packDockerArchive(root, archive, {
      reference: 'debian:bookworm',
      cmd: ['bash'],
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}
