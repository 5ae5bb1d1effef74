// `tsctl build` beside docker's client: the same lines, exit codes and contexts; .dockerignore, links, modes, stdin.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContextEntry, type ContextFiles, makeContext, maskIds } from '../harness/build-context.ts';
import { type Builders, startBuilders } from '../harness/builders.ts';
import { type CommandOptions, type CommandResult, runOk } from '../harness/command.ts';

let builders: Builders;

beforeAll(async () => {
  builders = await startBuilders();
});
afterAll(() => builders?.stop());

/** Ids masked. The context's size stays, but for archives that the clients' own packers have made otherwise. */
function shown({ code, stdout, stderr }: CommandResult, masksSize = false): unknown {
  const mask = (text: string) =>
    maskIds(text.replaceAll('\r', '').replace(/^Sending build/gm, 'Sent build'))
      .replace(/\bdocker\b/g, 'tsctl')
      .replace(/(daemon) +[\d.]+k?B$/gm, masksSize ? '$1 SIZE' : '$&');
  return { code, stdout: mask(stdout), stderr: mask(stderr) };
}

/** Docker's client on dockerd, and ours on ours. */
async function same(files: ContextFiles, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const directory = makeContext(files);
  try {
    const [theirs, ours] = await Promise.all([
      builders.theirs(['build', '--network', 'none', ...args], { cwd: directory, ...options }),
      builders.tsctl(['build', '--network', 'none', ...args], { cwd: directory, ...options }),
    ]);
    const here = (result: unknown) => JSON.parse(JSON.stringify(result).replaceAll(directory, 'CONTEXT'));
    const masksSize = args.includes('--compress') || args.includes('-f');
    expect(here(shown(ours, masksSize))).toEqual(here(shown(theirs, masksSize)));
    return ours;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints what came into the context, with modes, sizes and link targets. */
const listing =
  'FROM busybox\nCOPY . /c\nRUN cd /c && find . | sort | while read -r f; do stat -c "%n %A %s %u:%g" "$f"; done\n';

const tree: Record<string, ContextEntry> = {
  Dockerfile: listing,
  a: 'a',
  'b.log': 'b',
  'd/a': 'a',
  'd/b.log': 'b',
  'd/keep.log': 'k',
  'd/e/f.txt': 'f',
  'd/e/g.log': 'g',
  '.hidden': 'h',
  'with space': 's',
  'x[1]': 'x',
};

describe('.dockerignore', () => {
  it.each<[string, string]>([
    ['a name', 'a'],
    ['a directory', 'd'],
    ['a pattern', '*.log'],
    ['a pattern everywhere', '**/*.log'],
    ['with an exception', '**/*.log\n!d/keep.log'],
    ['a directory but for one', 'd\n!d/e/f.txt'],
    ['all but some', '*\n!d/e\n!a'],
    ['an exception taken back', '**/*.log\n!**/*.log\nd/keep.log'],
    ['comments, blanks and slashes', '# c\n\n  /a  \n./d/e/\n'],
    ['one level', 'd/*'],
    ['a question mark and a class', '?\n[.x]*'],
    ['an escaped bracket', 'x\\[1\\]'],
    ['the Dockerfile itself', 'Dockerfile\n.dockerignore'],
    ['everything', '**'],
    ['a double star in the middle', 'd/**/g.log'],
  ])('%s', async (_what, ignore) => {
    await same({ ...tree, '.dockerignore': ignore }, ['.']);
  });
});

describe('contexts', () => {
  it('keep links, modes, long names and empty directories, and follow nothing', async () => {
    const long = `${'long-'.repeat(15)}/${'name-'.repeat(20)}`;
    const files: ContextFiles = {
      Dockerfile: 'FROM busybox\nCOPY . /c\nRUN cd /c && ls -lR | grep -v "^total" | sed "s/[A-Z][a-z][a-z] .*:..//"\n',
      out: { link: '/etc/passwd' },
      in: { link: 'd/file' },
      gone: { link: 'nowhere' },
      'd/file': { text: 'x', mode: 0o755 },
      'd/private': { text: 'p', mode: 0o600 },
      'empty/': '',
      [long]: 'l',
      ünïcode: 'u',
    };
    await same(files, ['.']);
  });

  it('from stdin: a Dockerfile, an archive, a compressed one', async () => {
    await same({}, ['-'], { input: 'FROM busybox\nRUN echo alone\n' });
    const directory = makeContext({
      Dockerfile: 'FROM busybox\nCOPY f /f\nRUN cat /f\n',
      f: 'f\n',
      'other/Dockerfile': 'FROM busybox\nRUN echo other\n',
    });
    try {
      for (const flag of ['-cf', '-czf', '-cjf', '-cJf']) {
        await runOk('tar', ['-C', directory, flag, `${directory}.tar`, '.']);
        await same({}, ['-'], { input: readFileSync(`${directory}.tar`) });
      }
      await same({}, ['-f', 'other/Dockerfile', '-'], { input: readFileSync(`${directory}.tar`) });
    } finally {
      rmSync(directory, { recursive: true, force: true });
      rmSync(`${directory}.tar`, { force: true });
    }
  });

  it('with the Dockerfile on stdin, elsewhere in the context, and out of it', async () => {
    const files = { ...tree, 'other/Build': 'FROM busybox\nCOPY . /c\nRUN ls -A /c\n' };
    await same(files, ['-f', '-', '.'], { input: 'FROM busybox\nCOPY . /c\nRUN ls -A /c\n' });
    await same({ ...files, '.dockerignore': 'd' }, ['-f', '-', '.'], {
      input: 'FROM busybox\nCOPY . /c\nRUN ls -A /c\n',
    });
    await same(files, ['-f', 'other/Build', '.']);
    await same(files, ['-f', 'other/Build', 'd']);
  });
});

describe('options and failures', () => {
  const small = { Dockerfile: 'FROM busybox\nARG A\nARG HOME\nRUN echo "$A $HOME"\n', f: 'f' };

  it.each<[string, string[]]>([
    ['quiet', ['-q', '.']],
    ['tags and labels', ['-t', 'x', '-t', 'y:1', '--label', 'a=b', '.']],
    ['arguments', ['--build-arg', 'A=1', '--build-arg', 'HOME', '--build-arg', 'NOSUCH', '.']],
    [
      'limits',
      [
        '-m',
        '100m',
        '--memory-swap',
        '200m',
        '-c',
        '10',
        '--cpu-period',
        '100000',
        '--cpu-quota',
        '50000',
        '--shm-size',
        '1m',
        '--ulimit',
        'nofile=10',
        '.',
      ],
    ],
    ['compressed', ['--compress', '.']],
    ['no cache', ['--no-cache', '--force-rm', '.']],
    ['a path that is not there', ['nosuch']],
    ['a file as the context', ['f']],
    ['a Dockerfile that is not there', ['-f', 'nosuch', '.']],
    ['both from stdin', ['-f', '-', '-']],
    ['a tag that is none', ['-t', 'UPPER', '.']],
    ['no context', []],
    ['two contexts', ['.', '.']],
    ['an unknown flag', ['--nosuch', '.']],
    ['a bad number', ['-c', 'x', '.']],
    ['a bad size', ['-m', 'x', '.']],
  ])('%s', async (_what, args) => {
    await same(small, args);
  });

  it('the exit code of RUN is the client’s', async () => {
    const failing = { Dockerfile: 'FROM busybox\nRUN echo told; exit 9\n' };
    expect((await same(failing, ['.'])).code).toBe(9);
    expect((await same(failing, ['-q', '.'])).code).toBe(9);
  });

  it('writes the id, and leaves none of an earlier build when it fails', async () => {
    const file = join(builders.scratch, 'iid');
    const directory = makeContext(small);
    try {
      const { stdout } = await builders.tsctl(['build', '-q', '--network', 'none', '--iidfile', file, directory]);
      expect(readFileSync(file, 'utf8')).toBe(stdout.trim());
      writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nRUN false\n');
      await builders.tsctl(['build', '--network', 'none', '--iidfile', file, directory]);
      expect(() => readFileSync(file)).toThrow('ENOENT');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('hits the cache that docker’s client has filled, and the other way round', async () => {
    const directory = makeContext({ ...tree, link: { link: 'a' }, 'run.sh': { text: 'x', mode: 0o755 } });
    try {
      const byDocker = await builders.ours(['build', '--network', 'none', directory]);
      expect(byDocker.code).toBe(0);
      const byUs = await builders.tsctl(['build', '--network', 'none', directory]);
      expect(byUs.stdout.match(/Using cache/g)).toHaveLength(2);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('`builder prune` and the groups’ `build`', async () => {
    const [theirs, ours] = await Promise.all([
      builders.theirs(['builder', 'prune', '-f']),
      builders.tsctl(['builder', 'prune', '-f']),
    ]);
    expect(shown(ours)).toEqual(shown(theirs));
    for (const group of ['image', 'builder']) expect((await builders.tsctl([group, 'build', '--help'])).code).toBe(0);
  });
});
