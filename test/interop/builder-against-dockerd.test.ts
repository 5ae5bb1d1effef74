// The classic builder beside Debian's dockerd (20.10): docker's own client builds the same contexts on both, and what it
// prints, what the images are set to, and what is in them is the same.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContextFiles } from '../harness/build-context.ts';
import { exampleContext as app, type Builders, startBuilders } from '../harness/builders.ts';
import { type CommandOptions, type CommandResult, run } from '../harness/command.ts';

let builders: Builders;

beforeAll(async () => {
  builders = await startBuilders();
});
afterAll(() => builders?.stop());

type Docker = (args: string[], options?: CommandOptions) => Promise<CommandResult>;
const theirDocker: Docker = (args, options) => builders.theirs(args, options);
const ourDocker: Docker = (args, options) => builders.ours(args, options);

/** The settings and history of an image, without what two builds of it differ in. */
async function facts(docker: Docker, image: string, masksSums: boolean): Promise<object> {
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
async function tree(docker: Docker, image: string): Promise<string[]> {
  const id = (await docker(['create', '--network', 'none', image, 'none'])).stdout.trim();
  const archive = join(builders.scratch, `${id}.tar`);
  try {
    expect((await docker(['export', '-o', archive, id])).code).toBe(0);
    const { stdout } = await run('tar', ['--numeric-owner', '--full-time', '-tvf', archive]);
    return stdout
      .split('\n')
      .filter((line) => !/ etc\/$/.test(line)) // dockerd's is as old as its container
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

async function expectSame(files: ContextFiles, args: string[] = []): Promise<void> {
  const masksSums = /--from=/.test(String(files['Dockerfile']));
  const { theirs, ours } = await builders.build(files, ['-t', 'same', ...args]);
  expect(ours).toEqual(theirs);
  expect(theirs.code).toBe(0);
  const [ourFacts, theirFacts] = await Promise.all([
    facts(ourDocker, 'same', masksSums),
    facts(theirDocker, 'same', masksSums),
  ]);
  expect(ourFacts).toEqual(theirFacts);
  const [ourTree, theirTree] = await Promise.all([tree(ourDocker, 'same'), tree(theirDocker, 'same')]);
  expect(ourTree).toEqual(theirTree);
}

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
    const first = await builders.build(files, ['-t', 'trigger']);
    expect(first.ours).toEqual(first.theirs);
    await expectSame({ ...app, Dockerfile: 'FROM trigger\nRUN cat /l\n' });
    const one = { ...app, Dockerfile: 'FROM trigger\nONBUILD USER app\n' };
    await builders.build(one, ['-t', 'single']);
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
