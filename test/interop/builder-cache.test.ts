// The builder's cache beside dockerd's: what is found again and what is not, step by step, and what becomes of its images.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContextFiles, maskIds } from '../harness/build-context.ts';
import { type Builders, startBuilders } from '../harness/builders.ts';
import { busyboxArchive } from '../harness/images.ts';

let builders: Builders;

beforeAll(async () => {
  builders = await startBuilders();
});
afterAll(() => builders?.stop());

/** Which steps said that they used the cache. */
function hits(stdout: string): string[] {
  return stdout
    .split(/^(?=Step )/m)
    .filter((step) => step.startsWith('Step '))
    .map((step) => `${step.split('\n', 1)[0]} ${step.includes('Using cache') ? 'cached' : 'made'}`);
}

const dockerfile = [
  'FROM busybox',
  'ARG VERSION=1',
  'ENV A=b',
  'COPY f.txt /f',
  'COPY dir /dir',
  'RUN echo $VERSION > /v',
  'LABEL x=y',
].join('\n');
const files: ContextFiles = { Dockerfile: dockerfile, 'f.txt': 'f', 'dir/a': 'a', 'dir/link': { link: 'a' } };

describe('the cache hits where docker’s hits', () => {
  it.each<[string, ContextFiles, string[]?]>([
    ['the same again', files],
    ['a changed file', { ...files, 'f.txt': 'g' }],
    ['a changed mode', { ...files, 'f.txt': { text: 'f', mode: 0o755 } }],
    ['a file more in a directory', { ...files, 'dir/b': '' }],
    ['a link that leads elsewhere', { ...files, 'dir/link': { link: '../f.txt' } }],
    ['a file that is not copied', { ...files, other: 'x' }],
    ['another argument', files, ['--build-arg', 'VERSION=2']],
    ['the default as an argument', files, ['--build-arg', 'VERSION=1']],
    ['a proxy', files, ['--build-arg', 'HTTP_PROXY=x']],
    ['no cache', files, ['--no-cache']],
    ['after that, the newest', files],
    ['a changed setting', { ...files, Dockerfile: dockerfile.replace('A=b', 'A=c') }],
    ['a changed last step', { ...files, Dockerfile: dockerfile.replace('x=y', 'x=z') }],
    ['another order', { ...files, Dockerfile: dockerfile.replace(/(ENV.*)\n(COPY f.*)/, '$2\n$1') }],
    ['a memory limit, which is no part of the key', files, ['-m', '200m']],
  ])('%s', async (_what, context, args = []) => {
    const { theirs, ours } = await builders.build(context, args);
    expect(ours.code).toBe(0);
    expect(hits(ours.stdout)).toEqual(hits(theirs.stdout));
  });

  it('whether a file was touched or not, and across stages', async () => {
    const staged = {
      ...files,
      Dockerfile: 'FROM busybox AS a\nCOPY f.txt /f\nRUN cat /f\nFROM busybox\nCOPY --from=a /f /g\nRUN cat /g\n',
    };
    await builders.build(staged);
    const again = await builders.build(staged);
    expect(hits(again.ours.stdout)).toEqual(hits(again.theirs.stdout));
    expect(again.ours.stdout.match(/Using cache/g)).toHaveLength(4);
    const changed = await builders.build({ ...staged, 'f.txt': 'other' });
    expect(hits(changed.ours.stdout)).toEqual(hits(changed.theirs.stdout));
  });

  it('for images named with --cache-from, whose history is all that is there', async () => {
    await builders.build(files, ['-t', 'source']);
    for (const docker of [builders.theirs.bind(builders), builders.ours.bind(builders)]) {
      const archive = `${builders.scratch}/source.tar`;
      await docker(['save', '-o', archive, 'source']);
      await docker(['image', 'prune', '-af']);
      await docker(['load', '-q', '-i', archive]);
      await docker(['load', '-q', '-i', await busyboxArchive()]);
    }
    const without = await builders.build(files);
    expect(hits(without.ours.stdout)).toEqual(hits(without.theirs.stdout));
    for (const docker of [builders.theirs.bind(builders), builders.ours.bind(builders)])
      await docker(['image', 'prune', '-f']);
    const { theirs, ours } = await builders.build(files, ['--cache-from', 'source,nosuch', '-t', 'again']);
    expect(hits(ours.stdout)).toEqual(hits(theirs.stdout));
    expect(ours.stdout.match(/Using cache/g)).toHaveLength(6);
  });
});

describe('the images of steps', () => {
  const counted = (text: string) => text.trim().split('\n').length;
  /** An image of ours has a digest before it is pushed, as in docker's containerd store. */
  const withoutDigests = (text: string) => text.split('\n').filter((line) => !/^Untagged: .*@sha256/.test(line));
  const both = async (...args: string[]) =>
    Promise.all([builders.theirs(args), builders.ours(args)]) as Promise<[any, any]>;

  it('are hidden, shown with -a, told by history, kept by their children, and gone with the last of them', async () => {
    await both('image', 'prune', '-af');
    const [theirNone, ourNone] = await both('images', '-aq');
    expect(ourNone.stdout).toBe(theirNone.stdout);
    await both('load', '-q', '-i', await busyboxArchive());
    await builders.build({ Dockerfile: 'FROM busybox\nENV a=1\nENV b=2\nRUN echo x > /x\n' }, ['-t', 'one']);
    await builders.build({ Dockerfile: 'FROM busybox\nENV a=1\nENV b=2\nENV c=3\n' }, ['-t', 'two']);
    for (const args of [
      ['images', '-q'],
      ['images', '-aq'],
      ['images', '-qf', 'dangling=true'],
      ['image', 'ls', '-aqf', 'dangling=true'],
    ]) {
      const [theirs, ours] = await both(...args);
      expect([args, counted(ours.stdout)]).toEqual([args, counted(theirs.stdout)]);
    }
    const missing = (text: string) => text.split('\n').map((line) => (line === '<missing>' ? line : 'ID'));
    const [theirHistory, ourHistory] = await both('history', '-q', '--no-trunc', 'one');
    expect(missing(ourHistory.stdout)).toEqual(missing(theirHistory.stdout));
    const [theirParent, ourParent] = await both('inspect', '-f', '{{.Parent}}', 'one');
    expect(maskIds(ourParent.stdout)).toBe(maskIds(theirParent.stdout));

    const kinds = (text: string) => withoutDigests(text).map((line) => line.split(':', 1)[0]);
    const refused = await Promise.all(
      [builders.theirs.bind(builders), builders.ours.bind(builders)].map(async (docker) => {
        const id = (await docker(['inspect', '-f', '{{.Parent}}', 'one'])).stdout.trim();
        const { code, stderr } = await docker(['rmi', '-f', id]);
        return { code, text: stderr.replace(/[0-9a-f]{12}/g, 'ID') };
      }),
    );
    expect(refused[1]).toEqual(refused[0]);
    for (const name of ['one', 'two']) {
      const [theirs, ours] = await both('rmi', name);
      expect([name, kinds(ours.stdout)]).toEqual([name, kinds(theirs.stdout)]);
    }
    const [theirRest, ourRest] = await both('images', '-aq');
    expect(counted(ourRest.stdout)).toBe(counted(theirRest.stdout));
  });

  it('stay with --no-prune, and are pruned', async () => {
    await builders.build({ Dockerfile: 'FROM busybox\nENV p=1\nENV q=2\n' }, ['-t', 'kept']);
    await both('rmi', '--no-prune', 'kept');
    for (const args of [
      ['images', '-aq'],
      ['image', 'prune', '-f'],
      ['images', '-aq'],
    ]) {
      const [theirs, ours] = await both(...args);
      expect([args, counted(ours.stdout)]).toEqual([args, counted(theirs.stdout)]);
    }
  });

  it('leave their base its place when it loses its name', async () => {
    await both('tag', 'busybox', 'base');
    await builders.build({ Dockerfile: 'FROM base\nENV z=1\n' }, ['-t', 'child']);
    for (const args of [
      ['rmi', 'busybox'],
      ['rmi', 'base'],
      ['images', '-q'],
      ['run', '--rm', '--network', 'none', 'child', 'true'],
      ['rmi', 'child'],
      ['images', '-aq'],
    ]) {
      const [theirs, ours] = await both(...args);
      const shape = ({ code, stdout }: { code: number; stdout: string }) => [
        code,
        withoutDigests(stdout)
          .join('\n')
          .replace(/[0-9a-f]{12,64}/g, 'ID'),
      ];
      expect([args, shape(ours)]).toEqual([args, shape(theirs)]);
    }
  });
});
