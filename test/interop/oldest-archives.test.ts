// An image archive as docker before 1.10 wrote it, loaded by the real dockerd and here: the same image comes of it.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { tarOf } from '../harness/tar-of.ts';

let stack: Stack;
let dockerd: RealDockerd;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-oldest-');
  stack = await startStack({ readyTimeoutMs: 60_000 });
  dockerd = await startRealDockerd();
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  await dockerd?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const idOf = (text: string) => createHash('sha256').update(text).digest('hex');

function oldestArchive(): Buffer {
  const [base, top] = [idOf('base'), idOf('top')];
  const common = { architecture: 'amd64', os: 'linux', docker_version: '1.8.2' };
  const layers = {
    [`${base}/json`]: {
      ...common,
      id: base,
      created: '2015-10-13T23:47:48.5Z',
      container_config: { Cmd: ['/bin/sh', '-c', '#(nop) ADD base'] },
    },
    [`${top}/json`]: {
      ...common,
      id: top,
      parent: base,
      created: '2015-10-14T00:00:00Z',
      container_config: { Cmd: ['/bin/sh', '-c', '#(nop) CMD'] },
      config: { Cmd: ['/hello'], Env: ['A=b'], Labels: { old: 'yes' } },
    },
  };
  const text = Object.fromEntries(Object.entries(layers).map(([path, json]) => [path, JSON.stringify(json)]));
  return tarOf({
    [`${base}/VERSION`]: '1.0',
    [`${base}/layer.tar`]: tarOf({ low: 'low' }).toString('latin1'),
    [`${top}/VERSION`]: '1.0',
    [`${top}/layer.tar`]: tarOf({ hello: 'high' }).toString('latin1'),
    ...text,
    repositories: JSON.stringify({ oldest: { v1: top } }),
  });
}

it('is loaded as dockerd loads it', async () => {
  const archive = join(scratch, 'oldest.tar');
  writeFileSync(archive, oldestArchive());
  const seen = [];
  for (const side of [dockerd, stack]) {
    const loaded = await side.docker(['load', '-q', '-i', archive]);
    const [image] = JSON.parse((await side.docker(['inspect', 'oldest:v1'])).stdout);
    const history = await side.docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', 'oldest:v1']);
    const { Cmd, Env, Labels } = image.Config;
    seen.push({
      code: loaded.code, // dockerd says nothing of what this form holds
      image: { Created: image.Created, Layers: image.RootFS.Layers, Cmd, Env, Labels, Os: image.Os },
      history: history.stdout,
    });
  }
  expect(seen[0]?.code).toBe(0);
  expect(seen[1]).toEqual(seen[0]);
});

it('without a layer or without an end is refused', async () => {
  const id = idOf('loop');
  const loop = { [`${id}/json`]: JSON.stringify({ id, parent: id }), [`${id}/layer.tar`]: '' };
  for (const files of [loop, {}]) {
    const archive = join(scratch, 'broken.tar');
    writeFileSync(archive, tarOf({ ...files, repositories: JSON.stringify({ broken: { v1: id } }) }));
    const result = await stack.docker(['load', '-q', '-i', archive]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/no end of parents|is missing/);
  }
});
