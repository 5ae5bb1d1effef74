// ctr over its subcommands: each answer of tscontainerd is that of the real containerd to the same command.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { type CtrCommand, CtrSides, image } from './ctr-sides.ts';

const sides = new CtrSides();
beforeAll(() => sides.start());
afterAll(() => sides.stop());

/** Which subcommands were compared, for the count at the end. */
const compared = new Set<string>();

async function same(words: string[], command: CtrCommand = {}): Promise<unknown> {
  const [first = '', second = ''] = words;
  compared.add(second.startsWith('-') || ['run', 'version', 'events'].includes(first) ? first : `${first} ${second}`);
  const { ours, real } = await sides.both(words, command);
  expect.soft(ours, `ctr ${words.join(' ')}`).toEqual(real);
  return ours.stdout;
}

/** Numbers that are pids, sizes of a heap, or figures: their columns stay, their digits go. */
const withoutNumbers = (text: string) =>
  text
    .replace(/\b\d+\b/g, 'N')
    .replace(/ +/g, ' ')
    .split('\n');
const sorted = (text: string) => text.split('\n').sort();
const nothing = () => '';
const hello = 'sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';
const none = `sha256:${'0'.repeat(64)}`;

describe('namespaces', () => {
  it('are created, labelled, listed and removed', async () => {
    await same(['namespaces', 'create', 'mine', 'a=1']);
    await same(['namespaces', 'create', 'mine']);
    await same(['namespaces', 'create', 'not/legal']);
    await same(['namespaces', 'create']);
    await same(['namespaces', 'label', 'mine', 'b=2', 'a=']);
    await same(['namespaces', 'label', 'mine']);
    await same(['namespaces', 'ls'], { shape: (text) => text.split('\n').filter((line) => /^(NAME|mine)/.test(line)) });
    await same(['namespaces', 'ls', '-q'], { shape: (text) => text.split('\n').filter((line) => line === 'mine') });
    await same(['namespaces', 'remove', 'mine']);
    await same(['namespaces', 'remove', 'mine']);
  });
});

describe('content', () => {
  const env = { CONTAINERD_LEASE: 'keep' };

  it('is under a lease', async () => {
    await same(['leases', 'create', '--id', 'keep', 'x=y']);
    await same(['leases', 'create', '--id', 'keep']);
    await same(['leases', 'ls']);
    await same(['leases', 'ls', '-q']);
  });

  it('is ingested, read, labelled, edited and removed', async () => {
    await same(['content', 'ingest', '--expected-size', '6', '--expected-digest', hello, 'h'], {
      input: 'hello\n',
      env,
    });
    await same(['content', 'ingest', '--expected-digest', none, 'wrong'], { input: 'hello\n', env });
    await same(['content', 'ingest', '--expected-size', '9', 'short'], { input: 'hello\n', env });
    await same(['content', 'active'], { shape: (text) => text.replace(/\t.*B\t/g, '\tSIZE\t').split('\n') });
    await same(['content', 'get', hello]);
    await same(['content', 'get', none]);
    await same(['content', 'get', 'no-digest']);
    await same(['content', 'label', hello, 'k=v', 'containerd.io/gc.root=now']);
    await same(['content', 'label', hello, 'k=']);
    await same(['content', 'label', none, 'k=v']);
    await same(['content', 'ls']);
    await same(['content', 'ls', '-q']);
    await same(['content', 'edit', '--editor', 'true', hello], { env, shape: nothing });
    await same(['content', 'rm', hello]);
    await same(['content', 'rm', hello]);
    await same(['leases', 'rm', 'keep']);
    await same(['leases', 'rm', 'keep']);
  });
});

describe('images', () => {
  it('are imported, listed, checked, tagged, labelled, mounted, converted and exported', async () => {
    await same(['images', 'import', '{files}/busybox.tar']);
    await same(['images', 'import', '{files}/no-such.tar']);
    await same(['images', 'ls']);
    await same(['images', 'ls', '-q', 'name~=busybox']);
    await same(['images', 'ls', '-q', 'name==nothing']);
    await same(['images', 'ls', 'not a filter']);
    await same(['images', 'check']);
    await same(['images', 'tag', image, 'docker.io/library/again:1']);
    await same(['images', 'tag', image, 'docker.io/library/again:1']);
    await same(['images', 'tag', '--force', image, 'docker.io/library/again:1']);
    await same(['images', 'tag', 'docker.io/library/none:1', 'docker.io/library/again:2']);
    await same(['images', 'label', 'docker.io/library/again:1', 'k=v']);
    await same(['images', 'label', '--replace-all', 'docker.io/library/again:1', 'l=w']);
    await same(['images', 'ls', 'labels.l==w']);
    await same(['images', 'convert', '--oci', image, 'docker.io/library/converted:1'], { shape: nothing });
    await same(['images', 'export', '{work}/out.tar', image]);
    await same(['images', 'export', '{work}/none.tar', 'docker.io/library/none:1']);
    await same(['images', 'mount', image, '{work}/mount-absent']);
    // with --sync what nothing refers to is gone when it answers, on both sides; else each collects in its own time
    await same(['images', 'rm', '--sync', 'docker.io/library/again:1']);
    await same(['images', 'rm', 'docker.io/library/again:1']);
    await same(['content', 'ls'], { shape: sorted });
    await same(['content', 'prune', 'references'], { shape: nothing });
  });

  it('are pushed and pulled', async () => {
    const remote = '127.0.0.1:5000/busybox-{side}:1';
    await same(['images', 'tag', image, remote]);
    await same(['images', 'push', '--plain-http', remote], { shape: nothing });
    await same(['images', 'rm', '--sync', remote]);
    await same(['images', 'pull', '--plain-http', '127.0.0.1:5000/none:1'], { shape: nothing });
    await same(['images', 'pull', '--plain-http', remote], { shape: nothing });
    await same(['images', 'ls', `name==${remote}`]);
    await same(['content', 'fetch', '--plain-http', remote], { shape: nothing });
    const { stdout } = await sides.raw(sides.ours, ['content', 'ls', '-q']);
    const [digest = ''] = stdout.split('\n');
    await same(['content', 'fetch-object', '--plain-http', `${remote}@${digest}`, digest], { shape: nothing });
    await same(
      ['content', 'push-object', '--plain-http', '127.0.0.1:5000/other-{side}:1', digest, 'application/octet-stream'],
      { shape: nothing },
    );
    await same(['images', 'rm', remote]);
  });
});

describe('snapshots', () => {
  it('are prepared, committed, viewed, listed, labelled, measured and removed', async () => {
    await same(['snapshots', 'prepare', 'k1']);
    await same(['snapshots', 'prepare', 'k1']);
    await same(['snapshots', 'prepare', 'k2', 'no-parent']);
    await same(['snapshots', 'mounts', '/mnt', 'k1']);
    await same(['snapshots', 'mounts', '/mnt', 'none']);
    await same(['snapshots', 'commit', 'layer1', 'k1']);
    await same(['snapshots', 'commit', 'layer2', 'k1']);
    await same(['snapshots', 'prepare', '--target', '/mnt', 'k2', 'layer1']);
    await same(['snapshots', 'view', 'v1', 'layer1']);
    await same(['snapshots', 'view', '--target', '/mnt', 'v2', 'layer1']);
    await same(['snapshots', 'ls'], { shape: sorted });
    await same(['snapshots', 'tree'], { shape: sorted });
    await same(['snapshots', 'info', 'layer1']);
    await same(['snapshots', 'info', 'none']);
    await same(['snapshots', 'label', 'layer1', 'k=v']);
    await same(['snapshots', 'label', 'none', 'k=v']);
    await same(['snapshots', 'info', 'layer1']);
    await same(['snapshots', 'usage', 'layer1']);
    await same(['snapshots', 'usage', '-b', 'k2']);
    await same(['snapshots', 'usage', 'none']);
    await same(['snapshots', 'diff', 'k2'], { shape: nothing });
    await same(['snapshots', 'rm', 'layer1']);
    await same(['snapshots', 'rm', 'k2']);
    await same(['snapshots', 'rm', 'k2']);
    // a view of ctr's is garbage from its making on
    for (const side of [sides.ours, sides.real])
      for (const key of ['v1', 'v2', 'layer1']) await sides.raw(side, ['snapshots', 'rm', key]);
    await same(['snapshots', '--snapshotter', 'no-such', 'ls']);
    const { stdout } = await sides.raw(sides.ours, ['images', 'ls', `name==${image}`]);
    const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? '';
    await same(['snapshots', 'unpack', digest]);
  });
});

/** Well and badly formed ones: both daemons mean the same by them, and refuse them in the same words. */
const filters = [
  'labels.tier=front',
  'id == c1',
  'id==c1,labels.tier==front',
  'id!=c1',
  'id!=zz',
  'image~=busybox',
  'image~=/busy.*/',
  'image~=|x|',
  'id~=(?i)C1',
  'id~=[[:alpha:]]1',
  'id~=(',
  'runtime.name~=containerd',
  'labels."a.b/c"',
  'labels.none',
  'labels."tier"!=back',
  'no.such.field',
  '==x',
  'id==',
  'id=="open',
  'id==c1,',
  'id==a b',
  'id==/x/',
  'id=="\\q"',
  'id=="\\x63\\x31"',
  ',',
  'id===c1',
  'id=!c1',
  '"id"==c1',
  'id==c1 ,image~=busybox',
  '!id',
  'id~="^c1$"',
  'id~=^c\\d$',
  'id~=/^c\\d$/',
];

describe('containers', () => {
  const create = (id: string, ...command: string[]) => [
    'containers',
    'create',
    '--runtime',
    '{runtime}',
    image,
    id,
    ...command,
  ];

  it('are created, shown, labelled, listed and removed', async () => {
    await same([...create('c1', 'true')]);
    await same([...create('c1', 'true')]);
    await same([...create('not/legal', 'true')]);
    await same(['containers', 'create', 'docker.io/library/none:1', 'c2', 'true']);
    await same(['containers', 'ls']);
    // ctr sends runtime options to a runtime that it knows by name alone
    const shape = (text: string) => text.replace(/"Options": (null|\{[^}]*\})/, '').split('\n');
    await same(['containers', 'info', 'c1'], { shape });
    await same(['containers', 'info', 'none']);
    await same(['containers', 'label', 'c1', 'tier=front', 'a.b/c=d']);
    await same(['containers', 'ls', '-q', 'labels.tier==front']);
    await same(['containers', 'ls', '-q', 'labels."a.b/c"==d,id==c1']);
    await same(['containers', 'ls', '-q', 'labels.tier==back']);
    await same(['containers', 'ls', '-q', 'id~=^c']);
    for (const filter of filters) await same(['containers', 'ls', '-q', filter]);
    await same(['containers', 'label', 'c1', 'tier=']);
    await same(['containers', 'label', 'none', 'tier=x']);
    await same(['containers', 'rm', 'c1']);
    await same(['containers', 'rm', 'c1']);
  });
});

describe('tasks', () => {
  const run = (id: string, ...more: string[]) => ['run', '--runtime', '{runtime}', ...more, image, id];

  it('are run to their end', async () => {
    await same([...run('r1', '--rm'), 'sh', '-c', 'echo hello from $$; echo err >&2; exit 7']);
    await same([...run('r2', '--rm', '--env', 'A=b', '--cwd', '/tmp'), 'sh', '-c', 'echo $A; pwd']);
    await same([...run('r3', '--rm', '--read-only'), 'touch', '/x']);
    await same([...run('r4', '--rm', '--label', 'a=b', '--user', '1000'), 'id']);
    // not `cat`: ctr itself loses an end of stdin that comes before the task is created
    await same([...run('r5', '--rm'), 'head', '-n', '1'], { input: 'through stdin\n' });
  });

  it('are started, listed, entered, paused, measured, killed and deleted', async () => {
    await same([...run('t1', '-d'), 'sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done']);
    await same([...run('t1', '-d'), 'true']);
    await same(['tasks', 'ls'], { shape: withoutNumbers });
    await same(['tasks', 'ls', '-q']);
    await same(['tasks', 'exec', '--exec-id', 'e1', 't1', 'sh', '-c', 'echo inside; exit 5']);
    await same(['tasks', 'exec', '--exec-id', 'e2', '--cwd', '/etc', 't1', 'readlink', '-f', '.']);
    await same(['tasks', 'exec', '--exec-id', 'e3', 'none', 'pwd']);
    await same(['tasks', 'ps', 't1'], { shape: (text) => withoutNumbers(text)[0] });
    await same(['tasks', 'ps', 'none']);
    await same(['tasks', 'pause', 't1']);
    await same(['tasks', 'ls'], { shape: withoutNumbers });
    await same(['tasks', 'resume', 't1']);
    await same(['tasks', 'pause', 'none']);
    await same(['tasks', 'resume', 'none']);
    await same(['tasks', 'metrics', 't1'], { shape: (text) => text.split('\n').map((line) => line.split(' ')[0]) });
    await same(['tasks', 'metrics', 'none']);
    await same(['tasks', 'start', 't1']);
    await same(['tasks', 'start', 'none']);
    await same(['tasks', 'rm', 't1']);
    await same(['containers', 'rm', 't1']);
    await same(['tasks', 'kill', '-s', 'TERM', 't1']);
    await until('ended', 5000, async () => {
      const { stdout } = await sides.raw(sides.ours, ['tasks', 'ls']);
      const { stdout: real } = await sides.raw(sides.real, ['tasks', 'ls']);
      return stdout.includes('STOPPED') && real.includes('STOPPED') ? true : undefined;
    });
    await same(['tasks', 'ls'], { shape: withoutNumbers });
    await same(['tasks', 'kill', 't1']);
    await same(['tasks', 'exec', '--exec-id', 'e4', 't1', 'true']);
    await same(['tasks', 'rm', 't1']);
    await same(['tasks', 'rm', 't1']);
    await same(['tasks', 'kill', 't1']);
    await same(['containers', 'rm', 't1']);
  });

  it('are attached to', async () => {
    await same(['containers', 'create', '--runtime', '{runtime}', image, 'a1', 'sh', '-c', 'sleep 1; exit 4']);
    await same(['tasks', 'start', '-d', 'a1']);
    await same(['tasks', 'attach', 'a1']);
    await same(['tasks', 'attach', 'none']);
    await same(['tasks', 'rm', 'a1']);
    await same(['containers', 'rm', 'a1']);
  });

  it('say why a command cannot run', async () => {
    const words = (text: string) =>
      [...text.matchAll(/no such file or directory|not found|permission denied/g)][0]?.[0];
    for (const command of ['/no/such/program', '/etc/passwd']) {
      const { ours, real } = await sides.both([...run('bad', '--rm'), command]);
      expect([ours.code, words(String(ours.stderr))]).toEqual([real.code, words(String(real.stderr))]);
    }
    await same(['containers', 'ls', '-q']);
    await same(['tasks', 'ls', '-q']);
  });
});

describe('the rest', () => {
  it('is the same', async () => {
    await same(['version'], {
      shape: (text) =>
        text
          .replace(/v?\d+\.\d+\.\d+\S*|[0-9a-f-]{36}/g, 'V')
          .replace(/(Revision:).*/g, '$1')
          .split('\n'),
    });
    await same(['oci', 'spec'], { shape: nothing });
    await same(['plugins', 'ls', 'type==io.containerd.content.v1'], { shape: withoutNumbers });
    await same(['plugins', 'ls', '-d', 'id==overlayfs'], { shape: (text) => /^Type: +(.*)$/m.exec(text)?.[1] });
    await same(['plugins', 'ls', 'id==no-such']);
    writeFileSync(join(sides.directory, 'not-an-image.tar'), 'no tar at all');
    await same(['images', 'import', '{files}/not-an-image.tar']);
    await same(['install', 'docker.io/library/none:1']);
    await same(['containers', 'checkpoint', 'none', 'docker.io/library/none:2']);
    await same(['containers', 'restore', 'none', 'docker.io/library/none:2']);
    await same(['tasks', 'checkpoint', 'none']);
  });

  it('makes at least 45 subcommands', () => {
    expect([...compared].sort().length, [...compared].sort().join(', ')).toBeGreaterThanOrEqual(45);
  });
});
