// Flags over the file over defaults, and clear refusals.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from './daemon-config.ts';

const directory = mkdtempSync('/tmp/tsc-config-');
const file = join(directory, 'config.toml');
afterAll(() => rmSync(directory, { recursive: true }));

async function configOf(toml: string, ...args: string[]) {
  writeFileSync(file, toml);
  const commandLine = await parseCommandLine(['--config', file, ...args]);
  if (commandLine.action !== 'serve') throw new Error(commandLine.action);
  return commandLine.config;
}

describe('the configuration', () => {
  it('takes flags over the file', async () => {
    const toml =
      'version = 2\nroot = "/r"\nstate = "/s"\n[grpc]\naddress = "/a.sock"\n[debug]\nlevel = "warn"\n[shim]\nwarm_count = 3\n';
    expect(await configOf(toml)).toEqual({
      root: '/r',
      state: '/s',
      address: '/a.sock',
      logLevel: 'warn',
      shim: expect.objectContaining({ warmCount: 3 }),
      registry: { hostDirectories: ['/etc/docker/certs.d', '/etc/containerd/certs.d'], dockerConfig: '' },
      overlayMountOptions: [],
      restartIntervalMs: 10_000,
      metrics: { address: '', hasHistogram: false },
    });
    expect(await configOf(toml, '--root', '/r2', '-a', 'unix:///b.sock', '-l', 'debug')).toMatchObject({
      root: '/r2',
      state: '/s',
      address: '/b.sock',
      logLevel: 'debug',
    });
  });

  it.each([
    ['a broken file', 'root = ', [], 'parse configuration'],
    ['a wrong type', 'root = 3', [], 'root must be a string'],
    ['a negative count', '[shim]\nwarm_count = -1', [], 'shim.warm_count must be a whole number from 0'],
    ['an unknown flag', '', ['--nope'], "Unknown option '--nope'"],
    ['an unknown level', '', ['-l', 'loud'], 'log level loud: want one of'],
    ['a relative root', '', ['--root', 'here'], 'root here: must be an absolute path'],
    ['one directory for both', '', ['--root', '/x', '--state', '/x'], 'must be different'],
  ])('refuses %s', async (_, toml, args, message) => {
    await expect(configOf(toml, ...args)).rejects.toThrow(message);
  });

  it('refuses a file that is not there', async () => {
    await expect(parseCommandLine(['-c', join(directory, 'none.toml')])).rejects.toThrow('read configuration');
  });
});
