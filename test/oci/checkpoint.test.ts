// tsrunc checkpoint and restore: what is refused before criu is asked, what is said when criu cannot, and the way there
// and back where it can. test/second-world has the full checks, on a kernel that Debian's criu knows.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './bundle.ts';

const bench = new Workbench();
const images = (name: string) => join(bench.directory, name);
const isCriuAble = spawnSync('criu', ['check'], { encoding: 'utf8' }).status === 0;

beforeAll(() => {
  bench.start('live', ['sleep', '1000']);
});
afterAll(() => {
  bench.dispose();
});

describe('checkpoint', () => {
  it('refuses a parent that is not relative to the images', () => {
    mkdirSync(images('parent'));
    const { status, stderr } = bench.run([
      'checkpoint',
      '--parent-path',
      images('parent'),
      '--image-path',
      images('a'),
      'live',
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('--parent-path: must be relative to --image-path');
    const missing = bench.run(['checkpoint', '--parent-path', '../none', '--image-path', images('a'), 'live']);
    expect(missing.stderr).toMatch(/--parent-path .*ENOENT/);
  });

  it('says which package is missing when there is no criu', () => {
    const { status, stderr } = bench.run([
      '--criu',
      '/no/such/criu',
      'checkpoint',
      '--image-path',
      images('b'),
      'live',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/checkpoint container live: .*criu is not installed \(Debian: apt-get install criu\)/);
    expect(bench.status('live')).toBe('running');
  });

  it('wants a running container', () => {
    expect(bench.run(['checkpoint', 'no-such']).stderr).toContain('container does not exist');
    expect(bench.create('made', ['true']).status).toBe(0);
    expect(bench.run(['checkpoint', 'made']).stderr).toContain('the container is created');
  });

  it('refuses words that it does not know', () => {
    const flags = ['--image-path', images('c')];
    expect(bench.run(['checkpoint', '--manage-cgroups-mode', 'some', ...flags, 'live']).stderr).toContain('some');
    expect(bench.run(['checkpoint', '--empty-ns', 'pid', ...flags, 'live']).stderr).toContain('only network');
    expect(bench.run(['checkpoint', '--page-server', 'nowhere', ...flags, 'live']).stderr).toContain('ADDRESS:PORT');
  });

  it('says what criu said where it cannot, and the container runs on', () => {
    const { status, stderr } = bench.run(['checkpoint', '--leave-running', '--image-path', images('d'), 'live']);
    if (isCriuAble) {
      // stdio is the host's /dev/null here, which criu takes or refuses by its version: either way it has a log
      expect(existsSync(join(images('d'), 'dump.log'))).toBe(true);
    } else {
      expect(status).toBe(1);
      expect(stderr).toMatch(/checkpoint container live: run criu: .*Error .*\(more in .*dump\.log\)/);
    }
    expect(bench.status('live')).toBe('running');
  });
});

describe('a mount destination with "]:" in it', () => {
  const destination = '/data]:mnt[/etc';
  const withMount = (config: {
    mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  }) => config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs' });

  it('is refused by checkpoint', () => {
    bench.start('keyed', ['sleep', '1000'], (config) => {
      config.root.readonly = false;
      withMount(config);
    });
    const { status, stderr } = bench.run(['checkpoint', '--image-path', images('e'), 'keyed']);
    expect(status).toBe(1);
    expect(stderr).toContain(destination);
    expect(bench.status('keyed')).toBe('running');
  });

  it('is refused by restore, and nothing is left', () => {
    mkdirSync(images('f'));
    const bundle = bench.bundle(['sleep', '1'], withMount);
    const { status, stderr } = bench.run(['restore', '-d', '-b', bundle, '--image-path', images('f'), 'back']);
    expect(status).toBe(1);
    expect(stderr).toContain(destination);
    expect(bench.status('back')).toBe('absent');
    expect(bench.cgroups('back')).toEqual([]);
  });
});

describe('restore', () => {
  it('leaves nothing when there are no images', () => {
    mkdirSync(images('empty'));
    const bundle = bench.bundle(['sleep', '1']);
    const { status, stderr } = bench.run(['restore', '-d', '-b', bundle, '--image-path', images('empty'), 'none']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/restore container none: .*descriptors\.json/);
    expect(bench.status('none')).toBe('absent');
    expect(bench.cgroups('none')).toEqual([]);
  });
});
