// tsctl login, logout, pull and push with docker's credential helpers: Debian's docker-credential-pass for all registries, and
// a helper of one registry's own. docker itself finds what tsctl has stored, and the other way round.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const [user, password] = ['ada', 'correct horse'];
let stack: Stack;
let registry: Registry;
let environment: Record<string, string>;

const config = () => JSON.parse(readFileSync(join(stack.directory, 'docker-config/config.json'), 'utf8'));
const configure = (content: object) =>
  writeFileSync(join(stack.directory, 'docker-config/config.json'), JSON.stringify(content));
const tsctl = (...args: string[]) => stack.tsctl(args, { env: environment });
const docker = (...args: string[]) => stack.docker(args, { env: environment });
const login = (client: typeof stack.tsctl, input = password) =>
  client(['login', '-u', user, '--password-stdin', registry.host], { env: environment, input });

/** A helper that keeps its secrets in a file, and a list of what it was asked. */
function writeHelper(directory: string, name: string): void {
  const file = join(directory, `docker-credential-${name}`);
  const script = `#!/bin/sh
cd ${directory} && echo "$1" >>calls
case "$1" in
  store) cat >secret ;;
  get) cat >/dev/null; [ -e secret ] || { echo 'credentials not found in native keychain'; exit 1; }
    jq -c '{ServerURL, Username, Secret}' secret ;;
  erase) cat >/dev/null; rm -f secret ;;
esac
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

beforeAll(async () => {
  stack = await startStack();
  const directory = (name: string) => {
    const path = join(stack.directory, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  directory('docker-config');
  writeHelper(directory('helper'), 'own');
  environment = {
    GNUPGHOME: directory('gpg'),
    PASSWORD_STORE_DIR: join(stack.directory, 'pass'),
    PATH: `${join(stack.directory, 'helper')}:${process.env['PATH']}`,
  };
  const key = ['--batch', '--quiet', '--passphrase', '', '--quick-generate-key', user, 'future-default', 'default'];
  await runOk('gpg', [...key, 'never'], { env: environment });
  await runOk('pass', ['init', user], { env: environment });
  const htpasswd = join(stack.directory, 'htpasswd');
  writeFileSync(htpasswd, await runOk('htpasswd', ['-nbB', user, password]));
  registry = await startRegistry(stack.network, stack.directory, {
    port: 5000,
    storage: directory('registry'),
    auth: { htpasswd: { realm: 'test', path: htpasswd } },
  });
  expect((await tsctl('load', '-i', await busyboxArchive())).code).toBe(0);
  expect((await tsctl('tag', 'busybox', `${registry.host}/box`)).code).toBe(0);
});

afterAll(async () => {
  await registry?.stop();
  if (environment !== undefined) await runOk('gpgconf', ['--kill', 'all'], { env: environment });
  await stack?.stop();
});

async function pushAndPull(): Promise<CommandResult[]> {
  return [await tsctl('push', '-q', `${registry.host}/box`), await tsctl('pull', '-q', `${registry.host}/box`)];
}

describe('the credentials of a registry', () => {
  it('are needed by this one', async () => {
    const { code, stderr } = await tsctl('push', '-q', `${registry.host}/box`);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no basic auth credentials|unauthorized|authentication/)]);
  });

  it('stay in config.json without a helper, with a warning', async () => {
    // with an entry of another registry, docker and tsctl look for no helper by themselves
    const other = { 'registry.example': { auth: 'YTpi' } };
    configure({ auths: other });
    const { stdout, stderr } = await login(stack.tsctl.bind(stack));
    expect(stdout).toBe('Login Succeeded\n');
    expect(stderr).toContain('stored unencrypted');
    expect(config().auths[registry.host].auth).toBe(Buffer.from(`${user}:${password}`).toString('base64'));
    expect((await pushAndPull()).map(({ code }) => code)).toEqual([0, 0]);
    expect((await docker('logout', registry.host)).stdout).toBe(`Removing login credentials for ${registry.host}\n`);
    expect(config().auths).toEqual(other);
  });

  it('go to the helper that this machine has when nothing is configured, as docker’s do', async () => {
    configure({});
    expect((await login(stack.tsctl.bind(stack))).code).toBe(0);
    expect(JSON.parse(await runOk('docker-credential-pass', ['list'], { env: environment }))).toEqual({
      [registry.host]: user,
    });
    configure({ credsStore: 'pass' });
    expect((await tsctl('logout', registry.host)).code).toBe(0);
  });

  it('are kept by docker-credential-pass when credsStore names it', async () => {
    configure({ credsStore: 'pass' });
    expect(await login(stack.tsctl.bind(stack))).toEqual({ stdout: 'Login Succeeded\n', stderr: '', code: 0 });
    expect(config()).toEqual({ auths: { [registry.host]: {} }, credsStore: 'pass' });
    const kept = await runOk('docker-credential-pass', ['list'], { env: environment });
    expect(JSON.parse(kept)).toEqual({ [registry.host]: user });
    expect((await pushAndPull()).map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
  });

  it('that tsctl has given to the helper are found by docker, and forgotten by tsctl when docker logs out', async () => {
    expect((await docker('push', '-q', `${registry.host}/box`)).code).toBe(0);
    const again = await tsctl('login', registry.host);
    expect(again).toMatchObject({ code: 0, stdout: 'Authenticating with existing credentials...\nLogin Succeeded\n' });
    await docker('logout', registry.host);
    expect(JSON.parse(await runOk('docker-credential-pass', ['list'], { env: environment }))).toEqual({});
    expect((await tsctl('push', '-q', `${registry.host}/box`)).code).toBe(1);
  });

  it('of docker are found by tsctl, which erases them from the helper', async () => {
    expect((await login(stack.docker.bind(stack))).code).toBe(0);
    expect((await pushAndPull()).map(({ code }) => code)).toEqual([0, 0]);
    expect((await tsctl('logout', registry.host)).code).toBe(0);
    expect(JSON.parse(await runOk('docker-credential-pass', ['list'], { env: environment }))).toEqual({});
    expect(config().auths ?? {}).toEqual({});
  });

  it('of one registry go to its own helper, by the protocol', async () => {
    configure({ credsStore: 'pass', credHelpers: { [registry.host]: 'own' } });
    expect((await login(stack.tsctl.bind(stack))).code).toBe(0);
    const helper = join(stack.directory, 'helper');
    expect(JSON.parse(readFileSync(join(helper, 'secret'), 'utf8'))).toEqual({
      ServerURL: registry.host,
      Username: user,
      Secret: password,
    });
    expect((await pushAndPull()).map(({ code }) => code)).toEqual([0, 0]);
    expect((await tsctl('logout', registry.host)).code).toBe(0);
    const calls = readFileSync(join(helper, 'calls'), 'utf8').trim().split('\n');
    expect([calls[0], calls.filter((call) => call === 'get').length >= 2, calls.at(-1)]).toEqual([
      'store',
      true,
      'erase',
    ]);
    expect((await tsctl('push', '-q', `${registry.host}/box`)).code).toBe(1);
  });

  it('that a registry refuses are not kept', async () => {
    configure({ credsStore: 'pass' });
    const { code, stderr } = await login(stack.tsctl.bind(stack), 'wrong');
    expect([code, stderr]).toEqual([1, expect.stringContaining('401')]);
    expect(JSON.parse(await runOk('docker-credential-pass', ['list'], { env: environment }))).toEqual({});
  });

  it('are done without, with a word about it, when the helper is not there', async () => {
    configure({ credsStore: 'nosuch' });
    const { code, stderr } = await tsctl('pull', '-q', `${registry.host}/box`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('docker-credential-nosuch')]);
    expect((await login(stack.tsctl.bind(stack))).code).toBe(1);
  });
});
