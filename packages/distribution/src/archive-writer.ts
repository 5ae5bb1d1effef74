// Writes the tar of an image archive, OCI layout and docker-archive in one: the engine's save and the Transfer service's
// export feed it blob by blob.
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import tar from 'tar-stream';

const epoch = new Date(0);

/** Where a blob lies in the archive. */
export function blobPath({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** Story: `begin`, `blob` for each, `document` for those that describe the archive, `end`; `fail` instead of any of them. */
export class ArchiveWriter {
  /** What is to be read meanwhile. */
  readonly pack = tar.pack();
  readonly #written = new Set<string>();

  async begin(): Promise<void> {
    for (const name of ['blobs', 'blobs/sha256']) {
      await new Promise<void>((resolve, reject) =>
        this.pack.entry({ name, type: 'directory', mode: 0o755, mtime: epoch }, (error) =>
          error ? reject(error) : resolve(),
        ),
      );
    }
  }

  document(name: string, value: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pack.entry({ name, mode: 0o644, mtime: epoch }, JSON.stringify(value), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** One that was written before is passed over. `chunks` are exactly the blob. Rejects cancelled. */
  async blob(blob: Descriptor, chunks: () => AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if (this.#written.has(blob.digest)) return;
    this.#written.add(blob.digest);
    const finished = Promise.withResolvers<true>();
    finished.promise.catch(() => undefined); // awaited below; an early failure also destroys the pack
    const header = { name: blobPath(blob), size: blob.size, mode: 0o644, mtime: epoch };
    const entry = this.pack.entry(header, (error) => (error ? finished.reject(error) : finished.resolve(true)));
    // destroyed with the pack when the reader goes away: nobody else listens, and an error that nobody hears ends the process
    entry.on('error', (error: Error) => finished.reject(error));
    for await (const data of chunks()) {
      if (signal.aborted || this.pack.destroyed)
        throw new ContainerError('cancelled', 'save image: the client went away');
      if (!entry.write(data)) await drained(entry, signal);
    }
    entry.end(undefined);
    await finished.promise;
  }

  end(): void {
    this.pack.finalize();
  }

  fail(error: Error): void {
    this.pack.destroy(error);
  }
}

/** `entry` is a stream of its own kind: it tells by 'drain', or closes when the pack was destroyed. */
function drained(entry: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      entry.removeListener('drain', done);
      entry.removeListener('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    entry.on('drain', done);
    entry.on('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
