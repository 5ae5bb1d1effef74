// Packs the embedded default image: an OCI image layout that is a docker-archive too, so that every `load` reads it.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type TarEntry, tarArchive } from './tar-writer.ts';

export const embeddedImageName = 'tscontainer/whoami:latest';

/** Everything in the image has this time, so that equal programs give equal digests: 2025-01-01T00:00:00Z. */
const timeSeconds = 1_735_689_600;
const created = new Date(timeSeconds * 1000).toISOString();

/** The program's other names in /bin, its builtins. */
const links = 'sh id ps ls cat echo env pwd hostname touch sleep watch count true false help'.split(' ');
const app = 1000;
const nobody = 65534;

const accounts = {
  passwd: `root:x:0:0:root:/root:/bin/sh\napp:x:${app}:${app}:app:/home/app:/bin/sh\nnobody:x:${nobody}:${nobody}:nobody:/:/bin/false\n`,
  group: `root:x:0:\nusers:x:100:app\napp:x:${app}:\nnogroup:x:${nobody}:\n`,
};

/** Writes the image of the program at `program` to the file `output`. */
export function writeEmbeddedImage(program: string, output: string): void {
  const fresh = `${output}.new`;
  writeFileSync(fresh, imageArchive(readFileSync(program)));
  renameSync(fresh, output);
}

export function imageArchive(program: Uint8Array): Buffer {
  const layer = blob('application/vnd.oci.image.layer.v1.tar', tarArchive(rootEntries(program), timeSeconds));
  const config = blob('application/vnd.oci.image.config.v1+json', json(imageConfig(layer.digest)));
  const manifest = blob(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config.descriptor,
      layers: [layer.descriptor],
    }),
  );
  const files: TarEntry[] = [config, layer, manifest].map(({ path, data }) => file(path, data));
  return tarArchive(
    [
      directory('blobs/'),
      directory('blobs/sha256/'),
      ...files,
      file('index.json', json(index(manifest))),
      file('manifest.json', json([{ Config: config.path, RepoTags: [embeddedImageName], Layers: [layer.path] }])),
      file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    ],
    timeSeconds,
  );
}

interface Blob {
  digest: string;
  path: string;
  data: Buffer;
  descriptor: { mediaType: string; digest: string; size: number };
}

function blob(mediaType: string, data: Buffer): Blob {
  const hex = createHash('sha256').update(data).digest('hex');
  const digest = `sha256:${hex}`;
  return { digest, path: `blobs/sha256/${hex}`, data, descriptor: { mediaType, digest, size: data.length } };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function platform(): { architecture: string; os: string } {
  return { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' };
}

function imageConfig(diffId: string): unknown {
  return {
    created,
    author: 'tscontainer',
    ...platform(),
    config: {
      Env: ['PATH=/bin'],
      Cmd: ['/bin/whoami'],
      WorkingDir: '/',
      Labels: { 'org.opencontainers.image.title': 'whoami: says who a process is inside its container' },
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: 'tscontainer: whoami, a static program' }],
  };
}

function index(manifest: Blob): unknown {
  const annotations = {
    'io.containerd.image.name': `docker.io/${embeddedImageName}`,
    'org.opencontainers.image.ref.name': 'latest',
  };
  return {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...manifest.descriptor, platform: platform(), annotations }],
  };
}

function rootEntries(program: Uint8Array): TarEntry[] {
  return [
    directory('bin/'),
    { name: 'bin/whoami', type: 'file', mode: 0o755, data: program },
    ...links.map((name): TarEntry => ({ name: `bin/${name}`, type: 'hardlink', mode: 0o755, target: 'bin/whoami' })),
    directory('dev/'),
    directory('etc/'),
    file('etc/group', Buffer.from(accounts.group)),
    file('etc/passwd', Buffer.from(accounts.passwd)),
    directory('home/'),
    { ...directory('home/app/'), uid: app, gid: app },
    directory('proc/'),
    directory('root/', 0o700),
    directory('sys/'),
    directory('tmp/', 0o1777),
  ];
}

function directory(name: string, mode = 0o755): TarEntry {
  return { name, type: 'directory', mode };
}

function file(name: string, data: Buffer): TarEntry {
  return { name, type: 'file', mode: 0o644, data };
}
