// Keeps the container's terminal as large as ours: once after start (with retries, it may not be up yet), then on SIGWINCH.
import type { EngineClient } from '../client/engine-client.ts';
import { EngineError, isMissing } from '../client/engine-error.ts';

const maxFirstTries = 5;
const retryDelayMs = 10;

/** `path` is `/containers/x` or `/exec/x`. Returns what stops it. */
export function followWindowSize(client: EngineClient, path: string): () => void {
  const resize = async () => {
    const [width, height] = process.stdout.getWindowSize?.() ?? [0, 0];
    if (width > 0 && height > 0) await client.status('POST', `${path}/resize`, { query: { h: height, w: width } });
  };
  const onChange = () => void resize().catch(ignoreEnded);
  process.on('SIGWINCH', onChange);
  void resizeFirst(resize);
  return () => void process.off('SIGWINCH', onChange);
}

async function resizeFirst(resize: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt <= maxFirstTries; attempt += 1) {
    try {
      return await resize();
    } catch (error) {
      if (attempt === maxFirstTries) return ignoreEnded(error);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs * attempt));
    }
  }
}

/** A container that ended meanwhile needs no size; anything else is worth a word. */
function ignoreEnded(error: unknown): void {
  if (isMissing(error) || (error instanceof EngineError && error.status >= 400)) return;
  process.stderr.write(`failed to resize tty, using default size\r\n`);
}
