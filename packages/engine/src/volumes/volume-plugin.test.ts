// Plugins that are not there at once, as after a start of the machine: how long who waits.

import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Patience, VolumePlugin } from './volume-plugin.ts';

const name = 'tried';
/** Not docker's: every dockerd of the machine looks there. */
let directory: string;
let socket: string;
let server: http.Server | undefined;
let calls: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plugins-'));
  socket = join(directory, `${name}.sock`);
  calls = [];
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(directory, { recursive: true });
});

const connect = (patience?: Patience) => VolumePlugin.connect(name, patience, { sockets: directory, specs: [] });

async function startPlugin(): Promise<void> {
  rmSync(socket, { force: true });
  server = http.createServer((request, response) => {
    calls.push(request.url ?? '');
    request.resume();
    response.end(JSON.stringify({ Implements: ['VolumeDriver'], Mountpoint: '/there', Err: '' }));
  });
  server.listen(socket);
  await once(server, 'listening');
}

/** A socket whose owner is gone: whoever connects is refused. */
function leaveSocket(): void {
  const program = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
  expect(spawnSync('python3', ['-c', program, socket]).status).toBe(0);
}

/** Resolves at the next refused connection of this process. */
function refused(): Promise<void> {
  return new Promise((resolve) => {
    const listener = () => {
      unsubscribe('http.client.request.error', listener);
      resolve();
    };
    subscribe('http.client.request.error', listener);
  });
}

describe('a volume plugin', () => {
  it('that answers late is tried again', async () => {
    leaveSocket();
    const failure = refused();
    const connecting = connect('for-answer');
    await failure;
    await startPlugin();
    expect(await (await connecting).mount('v', 'id')).toBe('/there');
    expect(calls).toEqual(['/Plugin.Activate', '/VolumeDriver.Mount']);
  });

  it('that comes late is waited for by who has to have it', async () => {
    const connecting = connect('for-presence');
    await startPlugin();
    expect((await connecting).name).toBe(name);
  });

  it('is told as missing at once to everybody else', async () => {
    await expect(connect('for-answer')).rejects.toThrow(`plugin "${name}" not found`);
    leaveSocket();
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  });

  it('that has taken a call is not called twice', async () => {
    await startPlugin();
    server?.removeAllListeners('request').on('request', (request) => request.socket.destroy());
    await expect(connect('for-presence')).rejects.toThrow('socket hang up');
  });
});
