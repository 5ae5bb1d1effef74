// The classic builder beside Debian's dockerd (20.10): docker's own client builds the same contexts on both, and what it
// prints, what the images are set to, and what is in them is the same.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContextFiles, makeContext, maskIds } from '../harness/build-context.ts';
import { type CommandResult, run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let dockerd: RealDockerd;
let stack: Stack;
let scratch: string;

interface Side {
  name: string;
  docker(args: string[], options?: { input?: string | Buffer; cwd?: string }): Promise<CommandResult>;
}
let sides: Side[];

const dockerOn =
  (socket: string) =>
  (args: string[], options: { input?: string | Buffer; cwd?: string } = {}) =>
    run('/usr/bin/docker', args, {
      ...options,
      env: { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: '0', DOCKER_CONFIG: scratch },
      timeoutMs: 120_000,
    });

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-builder-');
  [dockerd, stack] = await Promise.all([startRealDockerd(), startStack()]);
  sides = [
    { name: 'dockerd', docker: dockerOn(dockerd.socket) },
    { name: 'tsengined', docker: dockerOn(stack.socket) },
  ];
  const archive = await busyboxArchive();
  for (const { docker } of sides) expect((await docker(['load', '-q', '-i', archive])).code).toBe(0);
});

afterAll(async () => {
  await dockerd?.stop();
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Builds on both, says both outcomes with ids masked. */
async function build(
  files: ContextFiles,
  args: string[] = [],
  options: { input?: string; context?: string } = {},
): Promise<{ theirs: Outcome; ours: Outcome }> {
  const directory = makeContext(files);
  const buildOn = async ({ docker }: Side): Promise<Outcome> => {
    const { code, stdout, stderr } = await docker(['build', '--network', 'none', ...args, options.context ?? '.'], {
      cwd: directory,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    return { code, stdout: maskIds(stdout), stderr: maskIds(stderr) };
  };
  const outcomes = await Promise.all(sides.map(buildOn)).finally(() =>
    rmSync(directory, { recursive: true, force: true }),
  );
  const [theirs, ours] = outcomes as [Outcome, Outcome];
  return { theirs, ours };
}

/** The settings and history of an image, without what two builds of it differ in. */
async function facts(docker: Side['docker'], image: string, masksSums: boolean): Promise<object> {
  const [found] = JSON.parse((await docker(['image', 'inspect', image])).stdout);
  const history = (await docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}|{{.Comment}}', image])).stdout;
  const { Image, Hostname, ...config } = found.Config;
  return {
    config: { ...config, isOfParent: Image !== '' },
    author: found.Author,
    layers: found.RootFS.Layers?.length ?? 0,
    hasParent: found.Parent !== '',
    // files of images: dockerd's sums hold the names that its host has for their owners
    history: history.split('\n').map((line) => (masksSums ? line.replace(/(file|dir):[0-9a-f]{64}/g, '$1:SUM') : line)),
  };
}

/** Names, types, modes, owners, sizes and link targets of all that is in an image. */
async function tree(docker: Side['docker'], image: string): Promise<string[]> {
  const id = (await docker(['create', '--network', 'none', image, 'none'])).stdout.trim();
  const archive = join(scratch, `${id}.tar`);
  try {
    expect((await docker(['export', '-o', archive, id])).code).toBe(0);
    const { stdout } = await run('tar', ['--numeric-owner', '--full-time', '-tvf', archive]);
    const isOfRuntime =
      /(^| )(\.dockerenv|dev\/.*|proc\/|sys\/|dev\/|etc\/(hosts|hostname|mtab|resolv\.conf)( -> .*)?|etc\/)$/;
    return stdout
      .split('\n')
      .filter((line) => !isOfRuntime.test(line))
      .map((line) =>
        line
          .replace(/\s+/g, ' ')
          .replace(
            /^(\S+ \S+ \S+) (\S+ \S+) (.*)$/,
            (_all, facts, time, name) => `${facts} ${time.startsWith('2020-') ? time.slice(0, 19) : 'NOW'} ${name}`,
          ),
      )
      .sort();
  } finally {
    await docker(['rm', id]);
    rmSync(archive, { force: true });
  }
}

async function expectSame(files: ContextFiles, args: string[] = [], input?: string): Promise<void> {
  const masksSums = /--from=/.test(String(files['Dockerfile']));
  const { theirs, ours } = await build(files, ['-t', 'same', ...args], input === undefined ? {} : { input });
  expect(ours).toEqual(theirs);
  expect(theirs.code).toBe(0);
  const [theirDocker, ourDocker] = sides.map(({ docker }) => docker) as [Side['docker'], Side['docker']];
  const [ourFacts, theirFacts] = await Promise.all([
    facts(ourDocker, 'same', masksSums),
    facts(theirDocker, 'same', masksSums),
  ]);
  expect(ourFacts).toEqual(theirFacts);
  const [ourTree, theirTree] = await Promise.all([tree(ourDocker, 'same'), tree(theirDocker, 'same')]);
  expect(ourTree).toEqual(theirTree);
}

const app: ContextFiles = {
  'a.txt': 'one\n',
  'b.txt': 'two\n',
  'run.sh': { text: '#!/bin/sh\necho run\n', mode: 0o755 },
  'dir/inner.txt': 'inner\n',
  'dir/deep/x': 'x\n',
  'dir/link': { link: 'inner.txt' },
  'link.txt': { link: 'a.txt' },
  'empty/': '',
};

describe('builds that go well', () => {
  it.each<[string, string, string[]?]>([
    ['FROM alone', 'FROM busybox\n'],
    [
      'every setting',
      [
        'FROM busybox AS base',
        'MAINTAINER somebody <a@b>',
        'ENV A=1 B="two words" C=three\\ words',
        'ENV OLD form of env',
        'ENV A=2',
        'LABEL one=1 "two words"="x y" three=\'z\'',
        'LABEL multi="a\\',
        'b"',
        'EXPOSE 80 443/tcp 53/udp 8000-8002',
        'VOLUME /data /more',
        'VOLUME ["/json"]',
        'USER app:app',
        'WORKDIR /work',
        'WORKDIR deeper/still',
        'STOPSIGNAL SIGINT',
        'HEALTHCHECK --interval=30s --timeout=1m5s --retries=3 CMD true',
        'HEALTHCHECK CMD ["cat", "/etc/passwd"]',
        'SHELL ["/bin/sh", "-ec"]',
        'CMD echo hi "there"',
        'ENTRYPOINT ["sh", "-c"]',
        'ONBUILD RUN echo later',
        'ONBUILD COPY a.txt /later',
        'ARG X=5',
      ].join('\n'),
    ],
    ['entrypoint resets cmd', 'FROM busybox\nCMD ["a"]\nENTRYPOINT ["b"]\n'],
    ["entrypoint keeps the base's no cmd", 'FROM busybox\nENTRYPOINT echo x\n'],
    ['empty forms', 'FROM busybox\nCMD []\nENTRYPOINT []\n'],
    ['healthcheck none', 'FROM busybox\nHEALTHCHECK NONE\n'],
    [
      'run in its forms',
      [
        'FROM busybox',
        'RUN echo out',
        'RUN echo err >&2',
        'RUN ["echo", "exec form"]',
        'RUN true',
        'RUN echo made > /made && rm /etc/not-executable && mkdir -p /d/e && chmod 700 /d',
        'RUN rm -rf /d/e && mkdir /d/e && ln -s /made /d/l && chown 5:6 /made',
        'WORKDIR /d',
        'USER app',
        'RUN id && pwd && echo $HOME',
      ].join('\n'),
    ],
    [
      'build arguments',
      [
        'ARG IMAGE=busybox',
        'FROM $IMAGE',
        'ARG IMAGE',
        'ARG A=default',
        'ARG B',
        'ARG C=unused',
        'RUN echo $IMAGE $A $B $HTTP_PROXY',
        'ENV A=env',
        'RUN echo $A',
      ].join('\n'),
      [
        '--build-arg',
        'B=given',
        '--build-arg',
        'C=1',
        '--build-arg',
        'HTTP_PROXY=http://p',
        '--build-arg',
        'IMAGE=busybox:latest',
      ],
    ],
    [
      'variables',
      [
        'FROM busybox',
        'ENV V=value E= P=80',
        'ENV X=$V Y=${V} Z=\\$V Q=\'$V\' D="$V ${V}"',
        'LABEL m=${N:-minus} p=${V:+plus} e=${E:-empty} n=${N:+none} q=${V:?no} t=$V$V u=a${V}b',
        'WORKDIR /$V',
        'EXPOSE $P',
        'USER ${N:-app}',
        'VOLUME /$V/data',
        'RUN echo $V ${V}',
        'STOPSIGNAL ${S:-9}',
      ].join('\n'),
    ],
    [
      'copies',
      [
        'FROM busybox',
        'COPY a.txt /',
        'COPY a.txt /renamed',
        'COPY a.txt b.txt /two/',
        'COPY dir /dir',
        'COPY dir/ /existing/',
        'COPY *.txt /txt/',
        'COPY link.txt /followed',
        'COPY ["a.txt", "/with space"]',
        'COPY run.sh /usr/bin/run',
        'COPY . /all',
        'COPY --chown=app:1234 dir /chowned/dir',
        'COPY --chown=1000 a.txt /chowned/new/a',
        'COPY empty /empty',
        'WORKDIR /w',
        'COPY a.txt .',
        'COPY a.txt sub/',
        'COPY dir/deep/ ./',
        'COPY d?r/in*.txt /wild',
        'ADD a.txt /added',
        'ADD dir /added-dir/',
      ].join('\n'),
    ],
    [
      'stages',
      [
        'FROM busybox AS one',
        'RUN mkdir -p /out/sub && echo made > /out/file && chown 7:8 /out/file && echo s > /out/sub/s',
        'FROM scratch AS two',
        'COPY --from=one /out /from-name',
        'COPY --from=0 /out/file /from-index/',
        'FROM two',
        'COPY --from=busybox /etc/passwd /etc/passwd',
        'COPY --from=one --chown=1:2 /out/file /chowned',
        'CMD ["/x"]',
      ].join('\n'),
    ],
    ['scratch', 'FROM scratch\nCOPY a.txt /a\nENV A=b\nWORKDIR /w\nLABEL x=y\n'],
    [
      'a stage is the base of the next',
      'FROM busybox AS base\nENV A=b\nRUN echo x > /x\nFROM base\nRUN cat /x\nFROM BASE\nRUN echo $A\n',
    ],
    [
      'the parser',
      [
        '# escape=`',
        '# a comment',
        '',
        'from busybox as x',
        '  # indented',
        'RUN echo a `',
        '  # inside',
        '',
        '  b',
        'run ["echo", "tail"] surplus',
        'ENV A=c:\\d',
        'CMD [not json]',
      ].join('\r\n'),
    ],
    ['labels of the client', 'FROM busybox\nENV a=b\n', ['--label', 'z=1', '--label', 'a=$a']],
    ['target', 'FROM busybox AS first\nENV a=b\nFROM first AS second\nRUN false\n', ['--target', 'FIRST']],
    ['kept containers', 'FROM busybox\nRUN true\nENV A=b\n', ['--rm=false']],
    ['syntax line', '# syntax=docker/dockerfile:1\nFROM busybox\nRUN echo x\n'],
    ['volume and what is written there', 'FROM busybox\nVOLUME /v\nRUN echo lost > /v/f\nRUN ls /v\n'],
    ['platform', `FROM --platform=linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'} busybox\nENV a=b\n`],
    [
      'options of run',
      'FROM busybox\nRUN df -k /dev/shm | tail -1; cat /etc/hosts | grep other; ulimit -n\n',
      ['--shm-size', '1m', '--add-host', 'other:1.2.3.4', '--ulimit', 'nofile=100:200', '-m', '100m', '-c', '512'],
    ],
  ])('%s', (_what, dockerfile, args = []) => expectSame({ ...app, Dockerfile: dockerfile }, args));

  it('ONBUILD of the base', async () => {
    const files = {
      ...app,
      Dockerfile: 'FROM busybox\nONBUILD RUN echo later > /l\nONBUILD COPY a.txt /later\nONBUILD ENV A=b\n',
    };
    const first = await build(files, ['-t', 'trigger']);
    expect(first.ours).toEqual(first.theirs);
    await expectSame({ ...app, Dockerfile: 'FROM trigger\nRUN cat /l\n' });
    const one = { ...app, Dockerfile: 'FROM trigger\nONBUILD USER app\n' };
    await build(one, ['-t', 'single']);
    await expectSame({ ...app, Dockerfile: 'FROM single\n' });
  });

  it('archives that ADD unpacks, compressed or not, and what only looks like one', async () => {
    const directory = mkdtempSync('/tmp/tsc-archives-');
    try {
      await run('sh', [
        '-c',
        `cd ${directory} && mkdir -p t/sub && echo in > t/f && ln -s f t/l && chmod 640 t/f && chown -R 3:4 t && ln t/f t/hard &&
         touch -d 2020-02-02T02:02:02Z t t/sub t/f && touch -hd 2020-02-02T02:02:02Z t/l &&
         tar -cf plain.tar t && gzip -k plain.tar && bzip2 -k plain.tar && xz -k plain.tar && head -c 100 plain.tar.gz > cut.tar.gz && echo no > text.tar`,
      ]);
      const archives = Object.fromEntries(
        ['plain.tar', 'plain.tar.gz', 'plain.tar.bz2', 'plain.tar.xz', 'cut.tar.gz', 'text.tar'].map((name) => [
          name,
          readFileSync(join(directory, name)),
        ]),
      );
      const lines = Object.keys(archives).map((name) => `ADD ${name} /${name.replaceAll('.', '-')}/`);
      await expectSame({ ...archives, Dockerfile: ['FROM busybox', ...lines, 'COPY plain.tar /kept/'].join('\n') });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('builds that fail', () => {
  it.each<[string, string, string[]?]>([
    ['a command', 'FROM busybox\nRUN echo before; exit 3\n'],
    ['a command in exec form', 'FROM busybox\nRUN ["sh", "-c", "exit 7"]\n'],
    ['a command, containers removed', 'FROM busybox\nRUN exit 1\n', ['--force-rm']],
    ['a command, quiet', 'FROM busybox\nRUN echo shown; exit 5\n', ['-q']],
    ['an unknown instruction', 'FROM busybox\nNOSUCH thing\n'],
    ['no FROM', 'RUN echo x\n'],
    ['an empty file', ''],
    ['comments only', '# nothing\n\n'],
    ['FROM without a name', 'FROM\n'],
    ['FROM with two words', 'FROM busybox x\n'],
    ['a stage name that is none', 'FROM busybox AS 1x\n'],
    ['a stage name twice', 'FROM busybox AS a\nFROM busybox AS A\n'],
    ['a blank base name', 'FROM $NOSUCH\n'],
    ['a platform that is none', 'FROM --platform=a/b/c/d busybox\n'],
    ['an unknown flag of FROM', 'FROM --nosuch=1 busybox\n'],
    ['a target that is not there', 'FROM busybox\n', ['--target', 'nosuch']],
    ['ENV without a value', 'FROM busybox\nENV a\n'],
    ['ENV without =', 'FROM busybox\nENV a=b c\n'],
    ['ENV without anything', 'FROM busybox\nENV\n'],
    ['ENV without a name', 'FROM busybox\nENV =b\n'],
    ['LABEL without a value', 'FROM busybox\nLABEL a\n'],
    ['COPY without a destination', 'FROM busybox\nCOPY a.txt\n'],
    ['COPY of nothing', 'FROM busybox\nCOPY nosuch /\n'],
    ['COPY of nothing by pattern', 'FROM busybox\nCOPY nosuch* /\n'],
    ['COPY of several to a file', 'FROM busybox\nCOPY a.txt b.txt /x\n'],
    ['COPY of a URL', 'FROM busybox\nCOPY http://127.0.0.1/x /\n'],
    ['COPY --chmod', 'FROM busybox\nCOPY --chmod=755 a.txt /\n'],
    ['COPY with an unknown flag', 'FROM busybox\nCOPY --nosuch=1 a.txt /\n'],
    ['COPY with a flag without value', 'FROM busybox\nCOPY --chown a.txt /\n'],
    ['COPY with a flag twice', 'FROM busybox\nCOPY --chown=1 --chown=2 a.txt /\n'],
    ['COPY --chown of nobody', 'FROM busybox\nCOPY --chown=nosuch a.txt /\n'],
    ['COPY --chown of no group', 'FROM busybox\nCOPY --chown=app:nosuch a.txt /\n'],
    ['COPY --chown with three parts', 'FROM busybox\nCOPY --chown=a:b:c a.txt /\n'],
    ['COPY from this stage', 'FROM busybox\nCOPY --from=0 / /\n'],
    ['COPY from a later stage', 'FROM busybox\nCOPY --from=5 / /\n'],
    ['COPY from a stage of nothing', 'FROM busybox AS a\nFROM busybox\nCOPY --from=a /nosuch /\n'],
    ['COPY out of the context', 'FROM busybox\nCOPY ../../etc/passwd /\n'],
    ['ADD without a destination', 'FROM busybox\nADD a\n'],
    ['RUN with a mount', 'FROM busybox\nRUN --mount=type=cache,target=/x true\n'],
    ['RUN with an unknown flag', 'FROM busybox\nRUN --nosuch true\n'],
    ['SHELL without JSON', 'FROM busybox\nSHELL /bin/sh -c\n'],
    ['SHELL of nothing', 'FROM busybox\nSHELL []\n'],
    ['numbers in a list', 'FROM busybox\nCMD ["a", 1]\n'],
    ['EXPOSE of no port', 'FROM busybox\nEXPOSE abc\n'],
    ['EXPOSE of a wrong protocol', 'FROM busybox\nEXPOSE 80/xyz\n'],
    ['EXPOSE of nothing', 'FROM busybox\nEXPOSE\n'],
    ['STOPSIGNAL of no signal', 'FROM busybox\nSTOPSIGNAL NOSUCH\n'],
    ['HEALTHCHECK of no kind', 'FROM busybox\nHEALTHCHECK WHAT x\n'],
    ['HEALTHCHECK without a command', 'FROM busybox\nHEALTHCHECK CMD\n'],
    ['HEALTHCHECK NONE with more', 'FROM busybox\nHEALTHCHECK NONE x\n'],
    ['HEALTHCHECK with a bad time', 'FROM busybox\nHEALTHCHECK --interval=x CMD true\n'],
    ['HEALTHCHECK with a short time', 'FROM busybox\nHEALTHCHECK --interval=1us CMD true\n'],
    ['HEALTHCHECK with no retries', 'FROM busybox\nHEALTHCHECK --retries=0 CMD true\n'],
    ['ONBUILD ONBUILD', 'FROM busybox\nONBUILD ONBUILD RUN x\n'],
    ['ONBUILD FROM', 'FROM busybox\nONBUILD FROM x\n'],
    ['ONBUILD of nothing', 'FROM busybox\nONBUILD\n'],
    ['WORKDIR of nothing', 'FROM busybox\nWORKDIR\n'],
    ['WORKDIR of an empty variable', 'FROM busybox\nWORKDIR $NOSUCH\n'],
    ['VOLUME of an empty text', 'FROM busybox\nVOLUME [""]\n'],
    ['USER of nothing', 'FROM busybox\nUSER\n'],
    ['MAINTAINER of nothing', 'FROM busybox\nMAINTAINER\n'],
    ['ARG without a name', 'FROM busybox\nARG =x\n'],
    ['a variable that is demanded', 'FROM busybox\nENV a=${NOSUCH:?is needed}\n'],
    ['a variable with an unknown sign', 'FROM busybox\nENV a=${b:x}\n'],
    ['a variable that does not end', 'FROM busybox\nWORKDIR /${b\n'],
    ['a quote that does not end', 'FROM busybox\nLABEL a="b\n'],
    ['the escape directive twice', '# escape=`\n# escape=`\nFROM busybox\n'],
    ['a wrong escape directive', '# escape=x\nFROM busybox\n'],
    ['a file that is not there', 'FROM busybox\n', ['-f', 'nosuch']],
    ['a tag that is none', 'FROM busybox\n', ['-t', 'UPPER']],
    ['squash', 'FROM busybox\n', ['--squash']],
    ['security options', 'FROM busybox\n', ['--security-opt', 'seccomp=unconfined']],
    ['scratch alone', 'FROM scratch\n'],
  ])('%s', async (_what, dockerfile, args = []) => {
    const { theirs, ours } = await build({ ...app, Dockerfile: dockerfile }, args);
    expect(theirs.code).not.toBe(0);
    expect(ours).toEqual(theirs);
  });
});
