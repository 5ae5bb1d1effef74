// Bad input gets a clear error (operation, object, cause) in docker's shape, and leaves nothing behind.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let idle: MachineSnapshot;
let blobs: string[];

beforeAll(async () => {
  stack = await startStack();
  const loaded = await stack.tsctl(['load', '-q', '-i', await busyboxArchive()]);
  expect(loaded.code, loaded.stderr).toBe(0);
  expect((await stack.tsctl(['run', '--rm', '--network', 'none', 'busybox', 'true'])).code).toBe(0);
  idle = snapshotMachine();
  blobs = storedBlobs();
});

afterAll(async () => {
  await stack?.stop();
});

function storedBlobs(): string[] {
  const found: string[] = [];
  const walk = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(directory, entry.name));
      else if (directory.includes('content')) found.push(entry.name);
    }
  };
  walk(join(stack.directory, 'data/containerd/io.containerd.content.v1.content'));
  return found.sort();
}

function expectNothingLeft(): void {
  expect(leaksBetween(idle, snapshotMachine()).filter((leak) => !leak.includes('containerd-shim'))).toEqual([]);
  expect(storedBlobs()).toEqual(blobs);
}

describe('bad input', () => {
  it('a missing image is 404 and names the image', async () => {
    const { status, body } = await stack.api('POST', '/containers/create', {
      Image: 'nowhere:9',
      Cmd: ['true'],
    });
    expect(status).toBe(404);
    expect(body).toEqual({ message: 'No such image: nowhere:9' });
    expectNothingLeft();
  });

  it('a command that does not exist ends with 127', async () => {
    const result = await stack.tsctl(['run', '--rm', '--network', 'none', 'busybox', 'no-such-command']);
    expect(result.code).toBe(127);
    expect(result.stderr).toContain('no-such-command');
    expect(result.stderr).toContain('executable file not found in $PATH');
    expectNothingLeft();
  });

  it('a file that is not executable ends with 126', async () => {
    const result = await stack.tsctl(['run', '--rm', '--network', 'none', 'busybox', '/etc/not-executable']);
    expect(result.code).toBe(126);
    expect(result.stderr).toContain('permission denied');
    expectNothingLeft();
  });

  it('a taken name is 409 and says who holds it', async () => {
    const first = await stack.api('POST', '/containers/create?name=taken', {
      Image: 'busybox',
      Cmd: ['true'],
    });
    expect(first.status).toBe(201);
    const second = await stack.api('POST', '/containers/create?name=taken', {
      Image: 'busybox',
      Cmd: ['true'],
    });
    expect(second.status).toBe(409);
    expect(second.body.message).toContain('"/taken" is already in use');
    expect(second.body.message).toContain(first.body.Id);
    await stack.api('DELETE', '/containers/taken');
    expectNothingLeft();
  });

  it('an ambiguous id prefix is 400, an exact name wins over a prefix', async () => {
    const ids: string[] = [];
    // seventeen ids share a first character at least once
    for (let index = 0; index < 17; index++) {
      ids.push(
        (
          await stack.api('POST', '/containers/create', {
            Image: 'busybox',
            Cmd: ['true'],
          })
        ).body.Id,
      );
    }
    const prefix =
      [...'0123456789abcdef'].find((character) => ids.filter((id) => id.startsWith(character)).length > 1) ?? '';
    const { status, body } = await stack.api('GET', `/containers/${prefix}/json`);
    expect(status).toBe(400);
    expect(body.message).toBe(`multiple IDs found with provided prefix: ${prefix}`);
    for (const id of ids) await stack.api('DELETE', `/containers/${id}`);
    expectNothingLeft();
  });

  it('a broken archive is refused and nothing of it stays', async () => {
    const directory = mkdtempSync('/tmp/tsc-broken-');
    try {
      writeFileSync(join(directory, 'broken.tar'), 'this is no tar file, whatever its name says');
      const result = await stack.tsctl(['load', '-i', join(directory, 'broken.tar')]);
      expect(result.code).toBe(1);
      expect(result.stderr).not.toBe('');
      expectNothingLeft();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('malformed requests answer 400 in docker’s shape', async () => {
    for (const [path, body] of [
      ['/containers/create', 'not json'],
      ['/containers/create?name=-bad-', { Image: 'busybox' }],
    ] as const) {
      const { status, body: answer } = await stack.api('POST', path, body);
      expect(status, JSON.stringify(answer)).toBe(400);
      expect(Object.keys(answer)).toEqual(['message']);
    }
    expect((await stack.api('GET', '/no/such/path')).body).toEqual({
      message: 'page not found',
    });
    expect((await stack.api('GET', '/v1.99/containers/json')).status).toBe(400);
    expectNothingLeft();
  });

  it('a socket that is not there is named', async () => {
    const result = await run(join(binDirectory, 'tsctl'), ['ps'], {
      env: { DOCKER_HOST: 'unix:///nowhere/engine.sock' },
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Cannot connect to');
    expect(result.stderr).toContain('unix:///nowhere/engine.sock');
  });
});
