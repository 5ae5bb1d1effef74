// Gathers the body of one HTTP/2 message from its DATA frames; a peer that sends it in crumbs costs no more than its bytes.
import { Buffer } from 'node:buffer';

const leastBytes = 4096;

/** Story: any number of `push`, one `take`. */
export class BodyBuffer {
  #bytes: Buffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A copy: `content` is part of what a socket read, and a small body would keep all of that. */
  push(content: Buffer): void {
    const end = this.#length + content.length;
    if (this.#bytes === undefined) this.#bytes = Buffer.allocUnsafe(content.length);
    else if (this.#bytes.length < end) {
      const larger = Buffer.allocUnsafe(Math.max(leastBytes, end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    content.copy(this.#bytes, this.#length);
    this.#length = end;
  }

  take(): Buffer {
    const bytes = this.#bytes ?? Buffer.alloc(0);
    this.#bytes = undefined;
    return bytes.subarray(0, this.#length);
  }
}
