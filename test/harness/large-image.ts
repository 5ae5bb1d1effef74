// An image of a given size in an OCI layout, made of what images are made of: programs, libraries and texts of this machine.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runOk } from './command.ts';

const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const maxFileBytes = 4_000_000;
const blobType = 'application/vnd.oci.image';

/** `layers` layers of about `layerBytes` each, unpacked, gzip; answers skopeo's name of it. It is made once. */
export async function makeLargeImage(
  directory: string,
  layers: number,
  layerBytes: number,
  largestFileBytes = maxFileBytes,
): Promise<string> {
  const layout = join(directory, 'large');
  const blobs = join(layout, 'blobs/sha256');
  if (existsSync(join(layout, 'index.json'))) return `oci:${layout}:large`;
  mkdirSync(blobs, { recursive: true });
  const store = (bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const files = filesOfThisMachine(layers * layerBytes, largestFileBytes);
  const diffIds: string[] = [];
  const descriptors: object[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const list = join(directory, 'files');
    writeFileSync(list, takeFiles(files, layerBytes).join('\n'));
    const tar = join(directory, 'layer.tar');
    const rename = ['--transform', `s,^,layer-${layer}/,`, '--numeric-owner'];
    await runOk('tar', ['-C', '/', ...rename, '-cf', tar, '-T', list], { timeoutMs: 120_000 });
    const bytes = readFileSync(tar);
    diffIds.push(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    descriptors.push({ mediaType: `${blobType}.layer.v1.tar+gzip`, ...store(gzipSync(bytes, { level: 6 })) });
  }
  const config = { ...platform, config: { Cmd: ['true'] }, rootfs: { type: 'layers', diff_ids: diffIds } };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${blobType}.manifest.v1+json`,
    config: { mediaType: `${blobType}.config.v1+json`, ...store(Buffer.from(JSON.stringify(config))) },
    layers: descriptors,
  };
  const target = { mediaType: manifest.mediaType, ...store(Buffer.from(JSON.stringify(manifest))) };
  const annotations = { 'org.opencontainers.image.ref.name': 'large' };
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...target, annotations }] }),
  );
  return `oci:${layout}:large`;
}

/** Regular files below /usr, paths relative to /, until they are enough. */
function filesOfThisMachine(wantedBytes: number, largestFileBytes: number): { path: string; size: number }[] {
  const found: { path: string; size: number }[] = [];
  let total = 0;
  const waiting = [
    'usr/lib/python3',
    'usr/share/doc',
    'usr/include',
    'usr/lib/x86_64-linux-gnu',
    'usr/bin',
    'usr/share',
  ];
  for (let directory = waiting.shift(); directory !== undefined && total < wantedBytes; directory = waiting.shift()) {
    if (!existsSync(join('/', directory))) continue;
    for (const entry of readdirSync(join('/', directory), { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(path);
      if (!entry.isFile() || entry.name.includes('\n')) continue;
      const { size } = statSync(join('/', path));
      if (size > largestFileBytes) continue; // else a layer would be one file
      found.push({ path, size });
      total += size;
    }
  }
  return found;
}

function takeFiles(files: { path: string; size: number }[], bytes: number): string[] {
  const taken: string[] = [];
  for (let total = 0; total < bytes && files.length > 0; ) {
    const file = files.shift() as { path: string; size: number };
    taken.push(file.path);
    total += file.size;
  }
  return taken;
}
