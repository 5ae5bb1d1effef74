// What becomes of a body when there is nobody to send it to.
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { ConnectionError } from './errors.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connection-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('Connection', () => {
  it('lets go of a body that no engine takes', async () => {
    writeFileSync(join(directory, 'tar'), 'tar');
    const bodyStream = createReadStream(join(directory, 'tar'));
    const closed = new Promise<void>((resolve) => bodyStream.once('close', () => resolve()));
    const connection = new Connection({ endpoint: { url: 'unix:///nowhere', socketPath: join(directory, 'nowhere') } });
    await expect(connection.json('POST', '/images/load', { bodyStream })).rejects.toBeInstanceOf(ConnectionError);
    await closed;
    expect(bodyStream.destroyed).toBe(true);
    connection.close();
  });
});
