// Flags over daemon.json over defaults, and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEngineCommand } from './engine-config.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function configOf(...args: string[]) {
  const command = parseEngineCommand(args);
  if (command.kind !== 'run') throw new Error('not a run');
  return command.config;
}

describe('parseEngineCommand', () => {
  it('takes several hosts and puts the socket below the exec root by default', () => {
    expect(configOf('-H', 'unix:///a', '-H', 'tcp://127.0.0.1:1').hosts).toEqual(['unix:///a', 'tcp://127.0.0.1:1']);
    expect(configOf('--exec-root', '/x').hosts).toEqual(['unix:///x/engine.sock']);
  });

  it('lets flags win over the file', () => {
    const file = join(directory, 'daemon.json');
    writeFileSync(file, JSON.stringify({ 'data-root': '/from-file', debug: true, 'userns-remap': 'default' }));
    const config = configOf('--config-file', file, '--data-root', '/from-flag');
    expect(config).toMatchObject({
      dataRoot: '/from-flag',
      logLevel: 'debug',
      usernsRemap: { hostUid: 100_000, size: 65_536 },
    });
  });

  it('gives an ephemeral engine a cgroup of its own, and refuses it a containerd that goes on', () => {
    const [one, two] = ['/one', '/two'].map((root) => configOf('--ephemeral', '--data-root', root).cgroupParent);
    expect(one).toMatch(/^\/tscontainer-[0-9a-f]{12}$/);
    expect(two).not.toBe(one);
    expect(configOf('--ephemeral', '--cgroup-parent', '/mine').cgroupParent).toBe('/mine');
    expect(() => configOf('--ephemeral', '--containerd', '/c.sock')).toThrow('images would stay');
  });

  it('refuses unknown flags, unknown keys and a missing file', () => {
    expect(() => configOf('--no-such-flag')).toThrow('no-such-flag');
    const file = join(directory, 'bad.json');
    writeFileSync(file, '{"no-such-key":1}');
    expect(() => configOf('--config-file', file)).toThrow('no-such-key');
    expect(() => configOf('--config-file', join(directory, 'none.json'))).toThrow('read configuration');
    expect(() => configOf('--userns-remap', 'someone')).toThrow('--userns-remap someone');
  });

  it.each([
    [{ hosts: 'unix:///a' }, 'configuration.hosts'],
    [{ 'shutdown-timeout': 'soon' }, 'configuration.shutdown-timeout'],
    [{ icc: 'no' }, 'configuration.icc'],
    [{ 'default-address-pools': ['10.0.0.0/8'] }, 'configuration.default-address-pools'],
    [[], 'configuration'],
  ])('refuses %j in the file', (content, message) => {
    const file = join(directory, 'mistyped.json');
    writeFileSync(file, JSON.stringify(content));
    expect(() => configOf('--config-file', file)).toThrow(message);
  });

  it.each([
    ['--shutdown-timeout', 'soon'],
    ['--mtu', '-1'],
    ['--lifeline', 'x'],
    ['--icc', 'perhaps'],
  ])('refuses %s %s', (flag, value) => {
    expect(() => configOf(`${flag}=${value}`)).toThrow(`${flag} ${value}: must be`);
  });

  it('reads bools as dockerd does', () => {
    expect(configOf('--icc=0', '--ip-masq=F').network).toMatchObject({ allowsIcc: false, isMasqueraded: false });
    expect(configOf('--icc=1').network.allowsIcc).toBe(true);
  });
});
