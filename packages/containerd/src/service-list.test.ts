// Holds docs/containerd-api.md against what is served, both ways, and the contracts of protos/ against both.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadService } from '@tscontainer/platform/contract-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenDaemon, openTemporaryDaemon } from './fixture/temporary-daemon.ts';
import { daemonParts } from './service-list.ts';

const repository = join(import.meta.dirname, '../../..');
const document = readFileSync(join(repository, 'docs/containerd-api.md'), 'utf8');

let opened: OpenDaemon;
beforeAll(() => {
  opened = openTemporaryDaemon();
});
afterAll(() => opened.close());

const rows = () =>
  [...document.matchAll(/^\| `([\w.]+)` \| ([^|]*) \|/gm)].map(([, name = '', cell = '']) => ({ name, cell }));
const served = () =>
  daemonParts(opened.daemon)
    .flatMap(({ services }) => services)
    .map(({ definition, handlers }) => ({
      name: Object.values(definition)[0]?.path.split('/')[1] ?? '',
      methods: Object.keys(definition).filter((method) => handlers[method] !== undefined),
      missing: Object.keys(definition).filter((method) => handlers[method] === undefined),
      unknown: Object.keys(handlers).filter((method) => definition[method] === undefined),
    }));

describe('docs/containerd-api.md', () => {
  it('lists every service that is served with every method', () => {
    const listed = rows().filter(({ cell }) => /^[A-Z][A-Za-z]+( [A-Z][A-Za-z]+)*$/.test(cell));
    expect(listed.map(({ name }) => name).sort()).toEqual(
      served()
        .map(({ name }) => name)
        .sort(),
    );
    for (const { name, methods, unknown } of served()) {
      expect(
        listed
          .find((row) => row.name === name)
          ?.cell.split(' ')
          .sort(),
        name,
      ).toEqual([...methods].sort());
      expect(unknown, name).toEqual([]);
    }
  });

  it('has a word on every service of the contracts, served or not', () => {
    const files = globSync('protos/containerd/services/*/v1/*.proto', { cwd: repository });
    const services = files.flatMap((file) => {
      const text = readFileSync(join(repository, file), 'utf8');
      const scope = /^package ([\w.]+);/m.exec(text)?.[1];
      return [...text.matchAll(/^service (\w+)/gm)].map(([, name]) => `${scope}.${name}`);
    });
    expect(services.length).toBeGreaterThanOrEqual(15);
    for (const service of services) expect(document).toContain(`\`${service}\``);
  });

  it('counts no method of containerd 1.6 out', () => {
    expect(served().flatMap(({ missing }) => missing)).toEqual([]);
    const tasks = loadService('containerd/services/tasks/v1/tasks.proto', 'containerd.services.tasks.v1.Tasks');
    expect(Object.keys(tasks)).toHaveLength(17);
  });
});
