// Takes the compression off a stream, told by its first bytes: gzip and zstd here, bzip2 and xz by their own programs.
import { spawn } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ContainerError } from '@tscontainer/core/errors';

const magics: [name: Compression, bytes: number[]][] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

type Compression = 'gzip' | 'bzip2' | 'xz' | 'zstd';

/** The longest of them, in bytes. */
const magicBytes = 6;
/** What an external decoder may say of its trouble, in bytes. */
const maxStderrBytes = 4096;

/** The plain bytes; an error of the source or of the decoder is one of what is returned. */
export async function decompressed(packed: Readable): Promise<Readable> {
  const { first, whole: source } = await peek(packed, magicBytes);
  const found = magics.find(([, magic]) => magic.every((byte, at) => first[at] === byte))?.[0];
  if (found === undefined) return source;
  const output = new PassThrough();
  const fail = (error: unknown) => output.destroy(error as Error);
  if (found === 'gzip') pipeline(source, createGunzip(), output).catch(fail);
  else if (found === 'zstd') pipeline(source, createZstdDecompress(), output).catch(fail);
  else decodeByProgram(found, source, output).catch(fail);
  return output;
}

/** At least `wanted` first bytes, unless there are fewer; `whole` begins with them again. */
export async function peek(source: Readable, wanted: number): Promise<{ first: Buffer; whole: Readable }> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const read: Buffer[] = [];
  let length = 0;
  while (length < wanted) {
    const next = await chunks.next();
    if (next.done) break;
    read.push(next.value);
    length += next.value.length;
  }
  const first = Buffer.concat(read);
  const whole = async function* () {
    try {
      if (first.length > 0) yield first;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  };
  return { first, whole: Readable.from(whole(), { objectMode: false }) };
}

async function decodeByProgram(name: 'bzip2' | 'xz', source: Readable, output: PassThrough): Promise<void> {
  const child = spawn(name, ['-d', '-c', '-q'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < maxStderrBytes) stderr += chunk.toString();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new ContainerError('unimplemented', `decompress ${name}: the program ${name} is not installed`)
          : error,
      ),
    );
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new ContainerError('invalid-argument', `decompress ${name}: ${stderr.trim() || `exit code ${code}`}`)),
    );
  });
  output.once('close', () => child.kill('SIGKILL'));
  // a broken pipe is the echo of the program's own end
  pipeline(source, child.stdin).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') child.kill('SIGKILL');
  });
  child.stdout.pipe(output, { end: false });
  await ended;
  output.end();
}
