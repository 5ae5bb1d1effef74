// The older files of a container's log: their names, the shift at a rotation, and compression in the background.
import {
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const compressedSuffix = '.gz';
const unfinishedSuffix = '.gz-part';
let unfinishedCount = 0;

/** `path.1` is the youngest; the plain or the compressed one, whichever is there. */
function rotatedFile(path: string, number: number): string | undefined {
  const plain = `${path}.${number}`;
  return [plain, `${plain}${compressedSuffix}`].find((file) => existsSync(file));
}

export function isCompressed(file: string): boolean {
  return file.endsWith(compressedSuffix);
}

/** The rotated files, the oldest first, then the current one: those that exist. */
export function logFilesOf(path: string, maxFiles: number): string[] {
  const files: (string | undefined)[] = [];
  for (let number = maxFiles - 1; number >= 1; number--) files.push(rotatedFile(path, number));
  return [...files, existsSync(path) ? path : undefined].filter((file) => file !== undefined);
}

/** The current file becomes number 1, if as many are kept; the oldest goes. */
export function shiftFiles(path: string, maxFiles: number): void {
  const oldest = maxFiles > 1 ? rotatedFile(path, maxFiles - 1) : path;
  if (oldest !== undefined) rmSync(oldest, { force: true });
  for (let number = maxFiles - 2; number >= 1; number--) {
    const from = rotatedFile(path, number);
    if (from !== undefined) renameSync(from, `${path}.${number + 1}${isCompressed(from) ? compressedSuffix : ''}`);
  }
  if (maxFiles > 1) renameSync(path, `${path}.1`);
}

/** Compresses what has just become number 1; a rotation meanwhile is no matter, since the file is known by its inode. */
export async function compressYoungest(path: string, maxFiles: number): Promise<void> {
  // opened at once: by the time that a stream would open it, another file may have the name
  const fd = openSync(`${path}.1`, 'r');
  const { ino } = fstatSync(fd);
  const unfinished = `${path}.${process.pid}-${unfinishedCount++}${unfinishedSuffix}`;
  try {
    await pipeline(
      createReadStream('', { fd, start: 0 }),
      createGzip(),
      createWriteStream(unfinished, { mode: 0o640 }),
    );
    for (let number = 1; number < maxFiles; number++) {
      const plain = `${path}.${number}`;
      if (statSync(plain, { throwIfNoEntry: false })?.ino !== ino) continue;
      renameSync(unfinished, `${plain}${compressedSuffix}`);
      rmSync(plain);
    }
  } finally {
    rmSync(unfinished, { force: true }); // the file was rotated away, or there was no room
  }
}

/** What an engine that was killed while it compressed has left; what this one is at stays. */
export async function removeUnfinished(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory))
    if (
      name.startsWith(`${basename(path)}.`) &&
      name.endsWith(unfinishedSuffix) &&
      !name.startsWith(`${basename(path)}.${process.pid}-`)
    )
      rmSync(join(directory, name), { force: true });
}
