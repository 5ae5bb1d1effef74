// Takes the compression off a stream, told by its first bytes: gzip and zstd here, bzip2 and xz by their own programs. For
// image archives, and for what a build takes in.
import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ContainerError } from '@tscontainer/core/errors';
import { compressionOf, longestMagicBytes, peek } from '@tscontainer/platform/stream-head';

/** What an external decoder may say of its trouble, in bytes. */
const maxStderrBytes = 4096;

/** The plain bytes; an error of the source or of the decoder is one of what is returned. */
export async function decompressed(packed: Readable): Promise<Readable> {
  const { first, whole: source } = await peek(packed, longestMagicBytes);
  const found = compressionOf(first);
  if (found === undefined) return source;
  const output = new PassThrough();
  const fail = (error: unknown) => output.destroy(error as Error);
  if (found === 'gzip') pipeline(source, createGunzip(), output).catch(fail);
  else if (found === 'zstd') pipeline(source, createZstdDecompress(), output).catch(fail);
  else decodeByProgram(found, source, output).catch(fail);
  return output;
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
