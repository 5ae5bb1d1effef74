// Holds the import table: who may import whom, checked against every package.json and every import specifier.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryFiles, repositoryRoot } from './harness/repository.ts';

/** `@tsctl/` is the scope of what others install. */
const ours = /^@(tscontainer|tsctl)\//;

/** Package -> what it may import of ours; `linux/x` allows only that subpath. */
const table: Record<string, string[]> = {
  core: [],
  platform: ['core'],
  linux: ['core'],
  distribution: ['core', 'platform'],
  shim: ['core', 'platform', 'linux'],
  containerd: [
    'core',
    'platform',
    'distribution',
    'linux/fifo',
    'linux/mounts',
    'linux/archive',
    'linux/tree',
    'linux/process',
    'linux/tar-fixture', // its tests
  ],
  engine: [
    'core',
    'platform',
    'distribution',
    'linux/fifo',
    'linux/readiness',
    'linux/mounts',
    'linux/archive',
    'linux/tree',
    'linux/process',
    'linux/conntrack',
    'linux/netlink',
    'linux/network-namespace',
    'linux/nftables',
    'linux/route-netlink',
    'linux/unix-datagram',
  ],
  // others install it: it carries nothing of ours, and nobody has to have built anything
  client: [],
  tsctl: ['core', 'platform', 'linux/unshare', 'client'],
};

const sources = repositoryFiles().filter((path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path));

function importsOf(path: string): string[] {
  const text = readFileSync(join(repositoryRoot, path), 'utf8');
  const specifiers = [
    ...text.matchAll(/^(?:import|export)[^'"]*?from\s+['"]([^'"]+)['"]/gms),
    ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/^import\s+['"]([^'"]+)['"]/gm),
  ];
  return specifiers.map((match) => match[1] ?? '');
}

function isAllowed(owner: string, target: string): boolean {
  const [name = ''] = target.split('/');
  return name === owner || (table[owner] ?? []).some((allowed) => allowed === name || allowed === target);
}

describe('the import table', () => {
  it('knows every package', () => {
    expect([...new Set(sources.map((path) => path.split('/')[1]))].sort()).toEqual(Object.keys(table).sort());
  });

  it('is kept by every import', () => {
    const broken = sources.flatMap((path) => {
      const owner = path.split('/')[1] ?? '';
      return importsOf(path)
        .filter((specifier) => ours.test(specifier))
        .filter((specifier) => !isAllowed(owner, specifier.replace(ours, '')))
        .map((specifier) => `${path} imports ${specifier}`);
    });
    expect(broken).toEqual([]);
  });

  it('lets no relative import leave its package', () => {
    const broken = sources.flatMap((path) => {
      const depth = path.split('/').length - 3; // below packages/<name>/
      return importsOf(path)
        .filter((specifier) => specifier.startsWith('../') && (specifier.match(/\.\.\//g) ?? []).length >= depth + 1)
        .map((specifier) => `${path} imports ${specifier}`);
    });
    expect(broken).toEqual([]);
  });

  it('is what each package.json declares', () => {
    const broken = Object.keys(table).flatMap((owner) => {
      const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'packages', owner, 'package.json'), 'utf8'));
      return Object.keys(manifest.dependencies ?? {})
        .filter((name) => ours.test(name))
        .map((name) => name.replace(ours, ''))
        .filter((name) => !(table[owner] ?? []).some((allowed) => allowed.split('/')[0] === name))
        .map((name) => `${owner} depends on ${name}`);
    });
    expect(broken).toEqual([]);
  });

  it('keeps Node out of core', () => {
    const broken = sources
      .filter((path) => path.startsWith('packages/core/'))
      .filter((path) => !path.endsWith('.test.ts'))
      .filter((path) => importsOf(path).some((specifier) => specifier.startsWith('node:')));
    expect(broken).toEqual([]);
  });

  it('shows Node-API to the bindings only', () => {
    const addon = repositoryFiles().filter((path) => /^addon\/src\/.*\.(cc|h)$/.test(path));
    const broken = addon
      .filter((path) => !path.startsWith('addon/src/bindings/'))
      .filter((path) => /#include\s+[<"]napi/.test(readFileSync(join(repositoryRoot, path), 'utf8')));
    expect(broken).toEqual([]);
  });
});
