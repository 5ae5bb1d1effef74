// Who is at the other end of a socket, asked of a real one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { peerCredentials } from './process.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-process-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

it('tells pid and owner of the process that connected', async () => {
  const path = join(scratch, 'socket');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = connect(path);
  const socket = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  expect(peerCredentials(fd)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  for (const end of [client, socket, server]) 'destroy' in end ? end.destroy() : end.close();
});

it('refuses what is no socket', () => {
  expect(() => peerCredentials(0xffff)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
});

it('makes a process the parent of orphans: only those of its own descendants', () => {
  const script = `
    import { spawnSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { setSubreaper } from ${JSON.stringify(fileURLToPath(new URL('process.ts', import.meta.url)))};
    setSubreaper();
    const pid = spawnSync('sh', ['-c', 'sleep 5 >/dev/null 2>&1 & echo $!'], { encoding: 'utf8' }).stdout.trim();
    console.log(/^PPid:\\s+(\\d+)/m.exec(readFileSync('/proc/' + pid + '/status', 'utf8'))[1] === String(process.pid));
    process.kill(Number(pid), 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], { encoding: 'utf8' });
  expect(child.stdout.trim()).toBe('true');
});
