// Loads the image that ships with the engine, once per release, after the daemon is up: main calls it off the start path.
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import type { ImageManager } from './image-manager.ts';

export const embeddedImageName = 'tscontainer/whoami:latest';

// beside the bundle in a release, or in the checkout's build
const candidates = ['./embedded-image.tar', '../../../../dist/lib/embedded-image.tar'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the first start
  }
}

function archivePath(): string | undefined {
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/**
 * `marker`: a file below the data root that says which archive was loaded, so that an image that the user removed does
 * not come back at every start, and a new release's does. Logs a failure: the engine works without the image.
 */
export async function ensureEmbeddedImage(images: ImageManager, marker: string, log: Logger): Promise<void> {
  const archive = archivePath();
  if (archive === undefined) return log.debug('no embedded image: not built');
  try {
    const { size, mtimeMs } = statSync(archive);
    const version = `${size} ${Math.trunc(mtimeMs)}\n`;
    if (readOrEmpty(marker) === version) return;
    await images.load(createReadStream(archive));
    writeFileSync(marker, version);
    log.info({ image: embeddedImageName }, 'embedded image loaded');
  } catch (error) {
    log.warn({ archive, err: errorMessageOf(error) }, 'load embedded image failed');
  }
}
