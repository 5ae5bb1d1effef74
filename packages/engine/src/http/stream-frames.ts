// The multiplexed stream of attach, exec and logs without a terminal: 8 bytes of header before each piece.
import type { Writable } from 'node:stream';

export type OutputStream = 'stdin' | 'stdout' | 'stderr';

const streamNumbers: Record<OutputStream, number> = { stdin: 0, stdout: 1, stderr: 2 };

export const rawStreamType = 'application/vnd.docker.raw-stream';
export const multiplexedStreamType = 'application/vnd.docker.multiplexed-stream';

/** {stream, 0, 0, 0, big-endian length}. */
export function frameHeader(stream: OutputStream, length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = streamNumbers[stream];
  header.writeUInt32BE(length, 4);
  return header;
}

/** Writes one piece, framed unless a terminal makes the stream raw. False: wait for 'drain'. */
export function writePiece(output: Writable, isRaw: boolean, stream: OutputStream, piece: Buffer): boolean {
  if (isRaw) return output.write(piece);
  output.cork();
  output.write(frameHeader(stream, piece.length));
  const hasRoom = output.write(piece);
  output.uncork();
  return hasRoom;
}

/** Resolves when `output` has room again or is closed; leaves no listener behind. */
export function whenRoom(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.on('drain', done);
    output.on('close', done);
  });
}
